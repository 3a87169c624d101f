"""Pins: the notebook says which image it needs, and checks that it runs in it.

A pin is a line, ``%polly_dockers require PATH@DIGEST``, which a reader sees and a kernel runs, and a record in the
notebook's metadata for programs. Import the modules where they are needed: each has one idea.
"""
