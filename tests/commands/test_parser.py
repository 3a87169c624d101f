"""Every command's line: what is taken, and how what is not is refused."""

from __future__ import annotations

import shlex

import pytest

from polly_magic.commands import COMMANDS, Help, parse
from polly_magic.errors import UsageError

PROG = "polly-dockers"


def refusal(line: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse(shlex.split(line), COMMANDS, PROG, terminal=True)
    return caught.value


@pytest.mark.parametrize("name", COMMANDS)
def test_example_in_the_help_is_a_line_that_the_command_takes(name: str) -> None:
    command = COMMANDS[name]
    assert command.name == name
    for line in command.example.splitlines():
        assert parse(shlex.split(line), COMMANDS, PROG).command == name


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_of_a_command_shows_its_example_as_the_face_has_it(name: str, flag: str) -> None:
    with pytest.raises(Help) as caught:
        parse([name, flag], COMMANDS, "%polly_dockers")
    for line in COMMANDS[name].example.splitlines():
        assert f"\n  %polly_dockers {line}" in caught.value.text
    assert COMMANDS[name].summary in caught.value.text


def test_nothing_at_all_and_help_show_every_command() -> None:
    for words in ([], ["--help"], ["--debug"]):
        with pytest.raises(Help) as caught:
            parse(words, COMMANDS, PROG, terminal=True)
        for name, command in COMMANDS.items():
            assert f"\n    {name}" in caught.value.text
            assert command.summary.split()[0] in caught.value.text


def test_version_is_the_distribution_s() -> None:
    with pytest.raises(Help, match=r"^polly-magic \d+\.\d+\.\d+\n$"):
        parse(["--version"], COMMANDS, PROG, terminal=True)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("commit-lst", "polly-dockers has no command 'commit-lst' (did you mean commit-list?)."),
        ("lsit --all", "polly-dockers has no command 'lsit' (did you mean list?)."),
        ("--debug nothing", "polly-dockers has no command 'nothing'."),
        ("''", "polly-dockers has no command ''."),
        ("--hlep", "polly-dockers has no flag '--hlep' (did you mean --help?)."),
        ("-x list", "polly-dockers list does not take '-x'."),
        ("list --al", "polly-dockers list has no flag '--al' (did you mean --all?)."),
        ("list --lates 5", "polly-dockers list has no flag '--lates' (did you mean --latest?)."),
        ("list --latest=5 --oldset=5", "polly-dockers list has no flag '--oldset' (did you mean --oldest?)."),
        ("list 16june", "polly-dockers list does not take '16june'."),
        ("list --latest", "polly-dockers list: argument --latest: expected one argument."),
        ("list --latest 0", "polly-dockers list: argument --latest: N is a whole number from 1, not '0'."),
        ("list --latest -3", "polly-dockers list: argument --latest: N is a whole number from 1, not '-3'."),
        ("list --oldest 1.5", "polly-dockers list: argument --oldest: N is a whole number from 1, not '1.5'."),
        ("list --oldest ٣", "polly-dockers list: argument --oldest: N is a whole number from 1, not '٣'."),
        ("list --oldest 1_0", "polly-dockers list: argument --oldest: N is a whole number from 1, not '1_0'."),
        (
            "list --latest 99999999999",
            "polly-dockers list: argument --latest: N is a whole number from 1, not '99999999999'.",
        ),
        ("list --all --latest 2", "polly-dockers list: argument --latest: not allowed with argument --all."),
        ("list --json --csv", "polly-dockers list: argument --csv: not allowed with argument --json."),
        ("list --all=yes", "polly-dockers list: argument --all: ignored explicit argument 'yes'."),
        ("commit-list", "polly-dockers commit-list: the following arguments are required: --name."),
        ("commit-list --nmae x", "polly-dockers commit-list has no flag '--nmae' (did you mean --name?)."),
        ("commit-list --name x --oldest 1 --latest 1", "polly-dockers commit-list: argument --latest: not allowed "),
        ("commit-list --name x --status aktive", "polly-dockers commit-list: argument --status: invalid choice: "),
        ("create --name x", "polly-dockers create: the following arguments are required: --description."),
        ("create --description x", "polly-dockers create: the following arguments are required: --name."),
        ("create --name x --description y --privat", "polly-dockers create has no flag '--privat'"),
        ("update --public", "polly-dockers update: the following arguments are required: --name."),
        ("update --name x --public --private", "polly-dockers update: argument --private: not allowed with"),
        ("login --local --service http://localhost:1", "polly-dockers login: argument --service: not allowed with"),
        ("login --servce http://localhost:1", "polly-dockers login has no flag '--servce' (did you mean --service?)."),
        ("logout now", "polly-dockers logout does not take 'now'."),
        ("logout --local", "polly-dockers logout has no flag '--local'."),
    ],
)
def test_wrong_line_is_refused_with_what_was_wrong_and_where_to_look(line: str, problem: str) -> None:
    error = refusal(line)
    assert error.problem.startswith(problem)
    assert "--help" in error.remedy
    assert error.exit_status == 2


def test_notebook_has_no_forms_of_a_terminal() -> None:
    for line in ("list --json", "list --csv", "--version"):
        with pytest.raises(UsageError, match="has no flag"):
            parse(line.split(), COMMANDS, "%polly_dockers")


@pytest.mark.parametrize(
    ("line", "debug", "form"),
    [
        ("list", False, None),
        ("--debug list --json", True, "json"),
        ("list --debug --csv", True, "csv"),
        ("--debug list --debug", True, None),
    ],
)
def test_debug_stands_before_or_after_the_command(line: str, debug: bool, form: str | None) -> None:
    arguments = parse(line.split(), COMMANDS, PROG, terminal=True)
    assert (arguments.command, arguments.debug, arguments.form) == ("list", debug, form)


def test_all_arguments_arrive_as_they_were_typed() -> None:
    line = "create --name 'rna seq' --description '[red]--x' --public"
    arguments = parse(shlex.split(line), COMMANDS, PROG)
    assert (arguments.name, arguments.description, arguments.public) == ("rna seq", "[red]--x", True)
