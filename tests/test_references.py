"""References are read as Docker reads them, and what is refused is refused at the right character."""

from __future__ import annotations

import contextlib
import itertools
import re
import string
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from polly_magic import references
from polly_magic.errors import Ambiguous, InvalidReference, NotFound
from polly_magic.references import Reference, parse, parse_repository

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "docker.polly.elucidata.io"
ACTIVE = "sha256:39eda93d15866957feaee28f8fc5adb545276a64147445c64992ef69804dbf01"
INACTIVE = "sha256:5747316366b8cc9e3021cd7286f42b2d6d81e3d743e2ab571f55bcd5df788cc8"
SHA512 = "sha512:" + 16 * "0123abcd"


# -- what is accepted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16june", Reference(HOST, "elucidata/16june")),
        ("16june:latest", Reference(HOST, "elucidata/16june", "latest")),
        ("other/16june", Reference(HOST, "other/16june")),
        ("elucidata/docker_demo/cache", Reference(HOST, "elucidata/docker_demo/cache")),
        (f"{HOST}/elucidata/16june:latest", Reference(HOST, "elucidata/16june", "latest")),
        (f"{HOST}/16june", Reference(HOST, "16june")),
        ("127.0.0.1:5005/lab/x", Reference("127.0.0.1:5005", "lab/x")),
        ("localhost/x", Reference("localhost", "x")),
        ("localhost:5000/x:1", Reference("localhost:5000", "x", "1")),
        ("registry:5000/x", Reference("registry:5000", "x")),
        ("[::1]:5000/x", Reference("[::1]:5000", "x")),
        ("[2001:DB8::1]/x", Reference("[2001:db8::1]", "x")),
        ("localhost", Reference(HOST, "elucidata/localhost")),
        ("localhost:5000", Reference(HOST, "elucidata/localhost", "5000")),
        ("a.b:5000", Reference(HOST, "elucidata/a.b", "5000")),
        (f"16june@{INACTIVE}", Reference(HOST, "elucidata/16june", digest=INACTIVE)),
        (f"16june:latest@{INACTIVE}", Reference(HOST, "elucidata/16june", "latest", INACTIVE)),
        (f"16june@{SHA512}", Reference(HOST, "elucidata/16june", digest=SHA512)),
        (f"16june@{INACTIVE[7:]}", Reference(HOST, "elucidata/16june", digest=INACTIVE)),
        ("16june@sha256:5747316", Reference(HOST, "elucidata/16june", short_digest="5747316")),
        ("16june:v1@5747316", Reference(HOST, "elucidata/16june", "v1", short_digest="5747316")),
        (f"16june@{INACTIVE[:-1]}", Reference(HOST, "elucidata/16june", short_digest=INACTIVE[7:-1])),
        (" \t16june:v1\r\n", Reference(HOST, "elucidata/16june", "v1")),
        ("a__b", Reference(HOST, "elucidata/a__b")),
        ("a--b---c", Reference(HOST, "elucidata/a--b---c")),
        ("a.b_c", Reference(HOST, "elucidata/a.b_c")),
        ("x:_A.b-C", Reference(HOST, "elucidata/x", "_A.b-C")),
        ("x:" + 128 * "T", Reference(HOST, "elucidata/x", 128 * "T")),
    ],
)
def test_named_examples_are_read(text: str, expected: Reference) -> None:
    assert parse(text, host=HOST, organization="elucidata") == expected


def test_what_is_left_out_and_unknown_stays_out() -> None:
    assert parse("16june") == Reference("", "16june")
    assert parse("16june", organization="elucidata") == Reference("", "elucidata/16june")
    assert parse("16june", host=HOST) == Reference(HOST, "16june")


@pytest.mark.parametrize(
    ("path", "organization", "name"),
    [("elucidata/docker_demo/cache", "elucidata", "docker_demo/cache"), ("a/b", "a", "b"), ("16june", "", "16june")],
)
def test_a_path_is_organisation_and_name(path: str, organization: str, name: str) -> None:
    reference = Reference(HOST, path)
    assert (reference.organization, reference.name) == (organization, name)
    assert reference.repository == f"{HOST}/{path}"
    assert Reference("", path).repository == path


@pytest.mark.parametrize(
    ("text", "canonical", "note"),
    [
        ("16June:Latest", f"{HOST}/lab/16june:Latest", "Upper case is folded: 16June -> 16june"),
        (
            " Docker.IO/Lab/X@5747316",
            "docker.io/lab/x@5747316",
            "Upper case is folded: Docker.IO/Lab/X -> docker.io/lab/x",
        ),
        ("LOCALHOST/x", "localhost/x", "Upper case is folded: LOCALHOST/x -> localhost/x"),
        ("16june:LATEST", f"{HOST}/lab/16june:LATEST", None),
    ],
)
def test_upper_case_is_folded_with_a_note_and_never_in_a_tag(text: str, canonical: str, note: str | None) -> None:
    reference = parse(text, host=HOST, organization="lab")
    assert (str(reference), reference.note) == (canonical, note)
    assert parse(canonical).note is None
    assert parse(canonical) == reference, "a note is no part of what is referred to"


def test_folding_what_was_left_out_is_noted_too() -> None:
    reference = parse("X", host="Docker.IO", organization="Lab")
    assert str(reference) == "docker.io/lab/x"
    assert reference.note == "Upper case is folded: Lab -> lab, Docker.IO -> docker.io, X -> x"


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "missing"),
        ("  ", 2, "missing"),
        ("a..b", 2, "'.' stands where"),
        ("a___b", 3, "'_' stands where"),
        ("a._b", 2, "letter or digit"),
        ("-a", 0, "'-' stands where"),
        ("a-", 2, "missing"),
        ("a-:b", 2, "':' stands where"),
        ("a//b", 2, "'/' stands where"),
        ("/a", 0, "'/' stands where"),
        ("a/", 2, "missing"),
        ("a/ ", 3, "missing"),
        ("a b", 1, "' ' stands where"),
        ("  a b", 3, "' ' stands where"),
        ("a\nb", 1, r"'\n' stands where"),
        ("a\x00", 1, r"'\x00' stands where"),
        ("a\x1c", 1, r"'\x1c' stands where"),
        ("\xa0a", 0, "NO-BREAK SPACE"),
        ("16j\u016bne", 3, "LATIN SMALL LETTER U WITH MACRON"),
        ("\u212aa", 0, "U+212A KELVIN SIGN"),
        ("a\u0130", 1, "U+0130"),
        ("\u0430", 0, "CYRILLIC SMALL LETTER A"),
        ("a\u0661", 1, "ARABIC-INDIC DIGIT ONE"),
        ("a:v\u0661", 3, "ARABIC-INDIC DIGIT ONE"),
        ("a:\u00e9", 2, "U+00E9"),
        ("a.io:\u0661/x", 5, "port"),
        ("a@574731\u0666", 8, "ARABIC-INDIC DIGIT SIX"),
        ("a\ud800", 1, "U+D800"),
        ("http://docker.polly.elucidata.io/elucidata/16june", 5, "no scheme, leave out 'http://'"),
        ("HTTPS://a/b", 6, "no scheme"),
        ("docker://a/b", 7, "no scheme"),
        ("a.io:/b", 5, "port"),
        ("localhost:x/b", 10, "port"),
        (":5000/b", 0, "letter or digit"),
        (".io/b", 0, "letter or digit"),
        ("a..io/b", 2, "letter or digit"),
        ("a-.io/b", 2, "letter or digit"),
        ("a--.io/b", 3, "letter or digit"),
        ("a_b.io/c", 1, "host"),
        ("a.io/", 5, "missing"),
        ("[::1/b", 4, "']'"),
        ("[::1]b/c", 5, "host"),
        ("[abc]/b", 4, "']' stands where"),
        ("[", 1, "missing"),
        ("[::1]", 5, "missing"),
        ("a:", 2, "a tag is missing"),
        ("a:@5747316", 2, "a tag"),
        ("a:-b", 2, "a tag"),
        ("a:.b", 2, "a tag"),
        ("a:b:c", 3, "':' stands where"),
        ("16june:feature/x", 14, "'/' stands where"),
        ("16june:v1.0/x", 11, "'/' stands where"),
        ("a:" + 129 * "t", 130, "at most 128"),
        ("a@", 2, "missing"),
        ("a@5747316@5747316", 9, "'@' stands where"),
        ("a@5747316:v1", 2, "not with 5747316"),
        ("a@574731", 8, "at least 7 if shortened, not 6"),
        ("a@sha256:574731", 15, "at least 7 if shortened, not 6"),
        ("a@sha256:", 9, "missing"),
        ("a@sha256", 8, "missing"),
        ("a@sha2-5747316", 6, "'-' stands where"),
        ("a@:5747316", 2, "':' stands where"),
        ("a@sha256:574731G", 15, "'G' stands where"),
        ("a@" + INACTIVE.upper(), 2, "'S' stands where"),
        ("a@sha256:" + 64 * "A", 9, "'A' stands where"),
        ("a@" + INACTIVE + "0", 73, "64 hexadecimal digits, not 65"),
        ("a@" + INACTIVE[7:] + "0", 66, "64 hexadecimal digits, not 65"),
        ("a@" + SHA512[:-1], 136, "128 hexadecimal digits, not 127"),
        ("a@" + SHA512 + "0", 137, "128 hexadecimal digits, not 129"),
        ("a@sha512:5747316", 16, "128 hexadecimal digits, not 7"),
        ("a@md5:d41d8cd98f00b204e9800998ecf8427e", 2, "sha256 or sha512, not with md5"),
        ("a@multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8", 2, "not with multihash+base58"),
        ("a@x/y", 2, "'x' stands where"),
        (256 * "a", 255, "at most 255 characters, not 256"),
        ("a.io/" + 251 * "a", 255, "at most 255 characters, not 256"),
        ("  " + 300 * "a" + ":t", 257, "at most 255 characters, not 300"),
    ],
)
def test_named_examples_are_refused_at_the_bad_character(text: str, position: int, reason: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse(text)
    assert (caught.value.position, caught.value.text) == (position, text)
    assert reason in caught.value.reason


def test_the_longest_name_counts_what_was_put_in() -> None:
    room = 255 - len(f"{HOST}/elucidata/")
    assert len(parse(room * "a", host=HOST, organization="elucidata").repository) == 255
    with pytest.raises(InvalidReference, match="at most 255") as caught:
        parse((room + 1) * "a" + ":t", host=HOST, organization="elucidata")
    assert caught.value.position == room


@pytest.mark.parametrize("host", ["polly", "https://a.io", "a.io/v2", "a.io/", " a.io", "a_b.io", "a.io:", "a.io?"])
def test_a_bad_host_to_put_in_is_refused(host: str) -> None:
    with pytest.raises(InvalidReference):
        parse("x", host=host)


@pytest.mark.parametrize("organization", ["-lab", "lab ", "l\u0430b", "lab:1"])
def test_a_bad_organisation_to_put_in_is_refused(organization: str) -> None:
    with pytest.raises(InvalidReference):
        parse("x", organization=organization)


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("16june:latest", 6, "tag"),
        (f" a.io:5000/b@{ACTIVE}", 12, "digest"),
        ("a@5747316", 1, "digest"),
        ("a:", 1, "tag"),
        ("a!:t", 1, "'!'"),
    ],
)
def test_a_repository_has_neither_tag_nor_digest(text: str, position: int, part: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse_repository(text)
    assert caught.value.position == position
    assert part in caught.value.reason


def test_a_repository_is_read_like_any_reference() -> None:
    text = " Elucidata/16June "
    assert parse_repository(text, host=HOST) == parse(text, host=HOST)
    assert parse_repository(text, host=HOST).note == parse(text, host=HOST).note
    assert parse_repository("x", host=HOST, organization="lab") == Reference(HOST, "lab/x")


def test_a_reference_is_a_value() -> None:
    with pytest.raises(FrozenInstanceError):
        Reference(HOST, "a").path = "b"  # type: ignore[misc]
    assert len({parse("a/B"), parse("a/b")}) == 1


# -- properties -------------------------------------------------------------------------------------------------------

LABELS = r"[a-z0-9]{1,3}(-{1,2}[a-z0-9]{1,2})?"
COMPONENT = r"[a-z0-9]{1,4}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}"


def matching(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)


paths = st.lists(matching(COMPONENT), min_size=1, max_size=4).map("/".join)
hosts = st.one_of(
    matching(rf"{LABELS}(\.{LABELS}){{1,3}}(:[0-9]{{1,5}})?"),
    matching(rf"{LABELS}:[0-9]{{1,5}}"),
    matching(r"localhost(:[0-9]{1,5})?"),
    matching(r"\[[0-9a-f]{0,4}:[0-9a-f:]{1,8}\](:[0-9]{1,5})?"),
)
tags = matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,9}") | matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{120,127}")
digests = matching(r"sha256:[0-9a-f]{64}") | matching(r"sha512:[0-9a-f]{128}")
repositories = st.builds(Reference, hosts, paths) | st.builds(
    Reference, st.just(""), paths.filter(lambda path: "/" not in path or not re.match(r"[^/]*\.|localhost/", path))
)


@st.composite
def valid_references(draw: st.DrawFn) -> Reference:
    repository = draw(repositories)
    digest = draw(st.none() | digests | matching(r"[0-9a-f]{7,63}"))
    return Reference(
        repository.host,
        repository.path,
        draw(st.none() | tags),
        digest if digest and ":" in digest else None,
        digest if digest and ":" not in digest else None,
    )


@given(valid_references())
def test_what_is_written_is_read_back(reference: Reference) -> None:
    assert parse(str(reference)) == reference
    assert parse(str(reference)).note is None


@given(valid_references(), tags, digests)
def test_changing_a_part_changes_only_that(reference: Reference, tag: str, digest: str) -> None:
    assert parse(str(reference.with_tag(tag))) == reference.with_tag(tag)
    assert parse(str(reference.with_digest(digest))) == reference.with_digest(digest)
    both = reference.with_tag(tag).with_digest(digest)
    assert str(both) == f"{reference.repository}:{tag}@{digest}"
    assert (both.short_digest, both.with_tag(None).tag) == (None, None)
    assert str(both.with_tag(None).with_digest(None)) == reference.repository
    assert str(reference.with_tag(None).with_digest(None)) == reference.repository


def test_changing_a_part_checks_it() -> None:
    reference = Reference(HOST, "elucidata/16june")
    with pytest.raises(InvalidReference):
        reference.with_tag("a b")
    with pytest.raises(InvalidReference):
        reference.with_tag("")
    with pytest.raises(InvalidReference):
        reference.with_digest("sha256:5747316")


@given(
    valid_references(),
    st.characters(exclude_characters=string.ascii_letters + string.digits + "._-/:@[]"),
    st.data(),
)
def test_a_character_that_stands_nowhere_is_refused_where_it_is(
    reference: Reference, character: str, data: st.DataObject
) -> None:
    text = str(reference)
    position = data.draw(st.integers(0, len(text)))
    assume(character not in string.whitespace or 0 < position < len(text))
    with pytest.raises(InvalidReference) as caught:
        parse(text[:position] + character + text[position:])
    assert caught.value.position == position


grammar_like = st.text(string.ascii_letters + string.digits + "._-/:@[] ", max_size=80)


@given(st.text() | grammar_like, st.text() | st.just(""), st.text() | st.just(""))
def test_whatever_the_text_it_is_read_or_refused(text: str, host: str, organization: str) -> None:
    for read in (parse, parse_repository):
        with contextlib.suppress(InvalidReference):
            assert str(read(text, host=host, organization=organization)).isascii()
    for validate in (references.validate_name, references.validate_tag, references.validate_digest):
        with contextlib.suppress(InvalidReference):
            validate(text)


# distribution/reference, regexp.go, literally; what it leaves to go-digest and to splitDockerDomain is added below.
ALPHANUMERIC = r"[a-z0-9]+"
SEPARATOR = r"(?:[._]|__|[-]+)"
DOMAIN_NAME_COMPONENT = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
TAG = r"[\w][\w.-]{0,127}"
DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*[:][0-9a-fA-F]{32,}"
IPV6_ADDRESS = r"\[(?:[a-fA-F0-9:]+)\]"
DOMAIN_NAME = rf"{DOMAIN_NAME_COMPONENT}(?:\.{DOMAIN_NAME_COMPONENT})*"
DOMAIN_AND_PORT = rf"(?:{DOMAIN_NAME}|{IPV6_ADDRESS})(?::[0-9]+)?"
PATH_COMPONENT = rf"{ALPHANUMERIC}(?:{SEPARATOR}{ALPHANUMERIC})*"
REMOTE_NAME = rf"{PATH_COMPONENT}(?:/{PATH_COMPONENT})*"
NAME = rf"(?:{DOMAIN_AND_PORT}/)?{REMOTE_NAME}"
REFERENCE = re.compile(rf"({NAME})(?::({TAG}))?(?:@({DIGEST}))?", re.ASCII)
GO_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")
OUR_DIGEST = re.compile(r"(?P<rest>[^@]*)@(?:(?:sha256:)?(?P<short>[0-9a-f]{7,63})|[0-9a-f]{64})")


def docker_accepts(text: str) -> bool:
    match = REFERENCE.fullmatch(text)
    if not match or len(match[1]) > 255 or (match[3] and not GO_DIGEST.fullmatch(match[3])):
        return False
    first, slash, _ = match[1].partition("/")
    a_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return bool(re.fullmatch(DOMAIN_AND_PORT if a_host or not slash else PATH_COMPONENT, first)) or not slash


def oracle_accepts(text: str) -> bool:
    ours = OUR_DIGEST.fullmatch(text)
    return docker_accepts(ours["rest"] if ours else text)


def refused(function: Callable[[str], object], text: str) -> InvalidReference | None:
    try:
        function(text)
    except InvalidReference as error:
        return error
    return None


def is_read(text: str) -> bool:
    return refused(parse, text) is None


def test_docker_agrees_about_every_short_text() -> None:
    for length in range(6):
        for characters in itertools.product("a0._-/:@[]", repeat=length):
            text = "".join(characters)
            assert is_read(text) == oracle_accepts(text), text


@given(valid_references(), st.data())
def test_docker_agrees_about_references_and_what_is_nearly_one(reference: Reference, data: st.DataObject) -> None:
    text = str(reference)
    assert oracle_accepts(text)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 2)))
    changed = text[:start] + data.draw(st.text("a0._-/:@[]g!", max_size=2)) + text[end:]
    if is_read(changed) and parse(changed).note:
        changed = str(parse(changed))  # capitals of a tag that became part of the name: Docker would not fold them
    assert is_read(changed) == oracle_accepts(changed)


@given(st.text("a0._-/:@[]", max_size=300) | matching(r"([a-z]{1,9}/){20,40}[a-z]{0,20}"))
@example("localhost/" + 245 * "a")
@example("localhost/" + 246 * "a")
def test_docker_agrees_about_long_texts(text: str) -> None:
    assert is_read(text) == oracle_accepts(text)


ENDINGS = ["", "0", "/0", "0/0", "]/0", ":]/0", "5747316", "@5747316"]


def test_the_position_is_where_every_short_text_goes_wrong() -> None:
    """What stands before it can be the start of a reference; with the character at it, it cannot."""
    for length in range(5):
        for characters in itertools.product("a0._-/:@[]", repeat=length):
            text = "".join(characters)
            error = refused(parse, text)
            if not error:
                continue
            position = error.position
            assert any(is_read(text[:position] + ending) for ending in ENDINGS), (text, position)
            if position == len(text) or "a digest is made with" in error.reason:
                continue
            # A dot makes the first part a host once a slash follows: what is wrong in it is wrong for a host.
            in_host = "." in text[: text.find("/") + 1].partition(":")[0] and position < text.find("/")
            endings = [ending for ending in ENDINGS if "/" in ending] if in_host else ENDINGS
            if in_host and "." not in text[:position]:
                endings = [f".0{ending}" for ending in endings]
            assert not any(is_read(text[: position + 1] + ending) for ending in endings), (text, position)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("part", ["-", "a-", "a_", "a.", "a/", "a", "_", "[:", "a:", "0@", "@", "/"])
def test_time_grows_with_length_only(part: str) -> None:
    text = "a" + part * 200_000
    assert not is_read(text + "!")
    assert not references.is_name(text + "!")
    assert not references.is_tag(text + "!")
    assert not references.is_digest(text + "!")


# -- parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0), ("A", 0), ("a/", 2), ("/a", 0), ("a:b", 1), ("a@b", 1), (" a", 0), ("a ", 1), ("a\n", 1),
        ("\u212a", 0), (256 * "a", 255), ("docker_demo/cache", None), (255 * "a", None),
        ("a.b/c", None), ("localhost/x", None),
    ],
)  # fmt: skip
def test_names(text: str, position: int | None) -> None:
    check(references.validate_name, references.is_name, text, position)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0), (".a", 0), ("-a", 0), ("a/b", 1), ("a@b", 1), (" a", 0), ("a\n", 1), ("\u00e9", 0), ("a\u0661", 1),
        (129 * "a", 128), (128 * "a", None), ("_", None), ("V1.0-rc_1", None),
    ],
)  # fmt: skip
def test_tags(text: str, position: int | None) -> None:
    check(references.validate_tag, references.is_tag, text, position)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0), ("5747316", 7), ("sha256:5747316", 14), (INACTIVE[7:], 0), (INACTIVE + "\n", 71), (INACTIVE + "0", 71),
        (" " + INACTIVE, 0), ("sha256:" + 64 * "A", 7), ("sha512:" + 64 * "0", 71), ("md5:" + 32 * "0", 0),
        (INACTIVE, None), (SHA512, None),
    ],
)  # fmt: skip
def test_digests(text: str, position: int | None) -> None:
    check(references.validate_digest, references.is_digest, text, position)


def check(validate: Callable[[str], None], holds: Callable[[str], bool], text: str, position: int | None) -> None:
    error = refused(validate, text)
    assert (error.position if error else None) == position
    assert (error.text if error else text) == text
    assert holds(text) == (position is None)


@given(st.text() | grammar_like | paths | tags | digests | matching("[0-9a-f]{60,70}"))
@example(INACTIVE[7:])
def test_asking_and_checking_agree(text: str) -> None:
    for part in ("name", "tag", "digest"):
        refusal = refused(getattr(references, f"validate_{part}"), text)
        assert getattr(references, f"is_{part}")(text) == (refusal is None)


# -- short digests ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("short", ["5747316", "sha256:5747316", INACTIVE[7:], INACTIVE, INACTIVE[:-1]])
def test_a_short_digest_finds_the_full_one(short: str) -> None:
    assert references.resolve_digest(short, [ACTIVE, INACTIVE, SHA512, INACTIVE]) == INACTIVE
    assert references.resolve_digest(short, iter([INACTIVE])) == INACTIVE


def test_a_short_digest_without_algorithm_finds_any() -> None:
    assert references.resolve_digest(SHA512[7:20], [SHA512, ACTIVE]) == SHA512
    with pytest.raises(NotFound):
        references.resolve_digest("sha256:" + SHA512[7:20], [SHA512, ACTIVE])


@pytest.mark.parametrize("short", ["0000000", INACTIVE, "747316366b8cc"])
def test_a_digest_that_is_not_there_is_not_found(short: str) -> None:
    with pytest.raises(NotFound, match=short):
        references.resolve_digest(short, [ACTIVE, SHA512])


@pytest.mark.parametrize("short", ["", "574731", "574731G", "5747316 ", "sha512:5747316", "sha256:"])
def test_what_is_no_digest_is_not_looked_for(short: str) -> None:
    with pytest.raises(InvalidReference):
        references.resolve_digest(short, [INACTIVE])


def test_a_short_digest_that_fits_several_lists_them() -> None:
    known = [f"sha256:{digit}".ljust(14, "0") + 57 * digit for digit in "0"] + [
        "sha256:0000000" + 57 * digit for digit in "abcdef"
    ]
    with pytest.raises(Ambiguous) as caught:
        references.resolve_digest("0000000", known[:2] * 2)
    assert f"2 commits: {known[0]}, {known[1]}." in caught.value.problem
    with pytest.raises(Ambiguous) as caught:
        references.resolve_digest("0000000", known)
    assert all(digest in caught.value.problem for digest in known[:5])
    assert known[5] not in caught.value.problem
    assert "and 2 more" in caught.value.problem


@given(st.lists(digests, min_size=1, unique=True), st.integers(7, 63), st.data())
def test_whatever_is_found_starts_as_given(known: list[str], length: int, data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from(known))
    short = chosen.partition(":")[2][:length]
    try:
        assert references.resolve_digest(short, known) == chosen
    except Ambiguous:
        assert sum(digest.partition(":")[2].startswith(short) for digest in known) > 1


def test_short_digest_for_display() -> None:
    assert references.short_digest(INACTIVE) == "5747316"
    assert parse(f"a@{references.short_digest(SHA512)}").short_digest == SHA512[7:14]
