"""Kernels in containers: a notebook's kernel starts inside one commit of an image, by digest.

Jupyter starts it through the kernel provisioner; a front end that ignores provisioners runs the kernelspec's ``argv``,
which is a launcher that does the same. Import the modules where they are needed: each has one idea.
"""
