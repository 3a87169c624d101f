"""Lists: tags in pages, and what refers to a manifest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.service.running import OCI_IMAGE, OCI_INDEX, Registry, descriptor, digest_of, error_of

if TYPE_CHECKING:
    from collections.abc import Callable

TAGS = ["1.0", "Beta", "alpha", "latest", "v1", "v10", "v2"]
SBOM, SIGNATURE = "application/vnd.example.sbom+json", "application/vnd.example.signature"


@pytest.fixture
def tagged(registry: Registry) -> Registry:
    manifest = registry.image("one")
    for tag in reversed(TAGS):
        assert registry.put(tag, manifest).status_code == 201
    return registry


def test_tags_in_order(tagged: Registry) -> None:
    answer = tagged.get("tags/list")
    assert answer.json() == {"name": "elucidata/16june", "tags": TAGS}
    assert "Link" not in answer.headers


def test_tags_in_pages(tagged: Registry) -> None:
    url: str | None = "tags/list?n=3"
    pages = []
    while url:
        answer = tagged.get(url)
        pages.append(answer.json()["tags"])
        assert len(pages) < 5
        url = answer.links["next"]["url"] if "Link" in answer.headers else None
    assert pages == [TAGS[:3], TAGS[3:6], TAGS[6:]]
    assert tagged.get("tags/list?last=v1").json()["tags"] == ["v10", "v2"]
    assert "Link" not in tagged.get("tags/list?n=7").headers
    assert tagged.get("tags/list?n=0").json()["tags"] == []
    assert tagged.get(f"tags/list?n={'9' * 5000}").json()["tags"] == TAGS


@pytest.mark.parametrize("n", ["-1", "x", "", "1.5", "%C2%B2"])
def test_a_page_of_a_strange_size(tagged: Registry, n: str) -> None:
    assert error_of(tagged.get(f"tags/list?n={n}")) == (400, "PAGINATION_NUMBER_INVALID")


def test_tags_of_a_new_and_of_an_unknown_repository(registry: Registry, open_registry: Callable[..., Registry]) -> None:
    assert registry.get("tags/list").json()["tags"] == []
    unknown = open_registry("elucidata/unknown", create=False)
    assert error_of(unknown.get("tags/list")) == (404, "NAME_UNKNOWN")


def refer(registry: Registry, subject: dict[str, Any], name: str, artifact_type: str | None, **more: Any) -> str:
    manifest = registry.image(name, subject=subject, **more)
    if artifact_type:
        manifest["artifactType"] = artifact_type
    content = json.dumps(manifest).encode()
    answer = registry.put(digest_of(content), content, OCI_IMAGE)
    assert (answer.status_code, answer.headers["OCI-Subject"]) == (201, subject["digest"])
    return digest_of(content)


class TestReferrers:
    def test_none(self, registry: Registry) -> None:
        answer = registry.get(f"referrers/{digest_of(b'')}")
        assert answer.headers["Content-Type"] == OCI_INDEX
        assert answer.json() == {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}

    def test_of_a_manifest_that_comes_later(self, registry: Registry, open_registry: Callable[..., Registry]) -> None:
        content = json.dumps(registry.image("the subject")).encode()
        subject = descriptor(content, OCI_IMAGE)
        annotations = {"org.example.note": "signed"}
        signature = refer(registry, subject, "signature", SIGNATURE, annotations=annotations)
        sbom = refer(registry, subject, "sbom", SBOM)
        plain = refer(registry, subject, "plain", None)
        refer(registry, descriptor(b"another", OCI_IMAGE), "elsewhere", SBOM)
        assert registry.put("latest", content, OCI_IMAGE).status_code == 201
        answer = registry.get(f"referrers/{subject['digest']}")
        assert "OCI-Filters-Applied" not in answer.headers
        found = {each["digest"]: each for each in answer.json()["manifests"]}
        assert set(found) == {signature, sbom, plain}
        stored = registry.get(f"manifests/{signature}").content
        assert found[signature] == descriptor(stored, OCI_IMAGE, artifactType=SIGNATURE, annotations=annotations)
        # Without an artifactType of its own, the type of its configuration.
        assert found[plain]["artifactType"] == "application/vnd.oci.image.config.v1+json"
        other = open_registry("elucidata/17june")
        assert other.get(f"referrers/{subject['digest']}").json()["manifests"] == []

    def test_of_one_type(self, registry: Registry) -> None:
        subject = descriptor(b"subject", OCI_IMAGE)
        refer(registry, subject, "signature", SIGNATURE)
        sbom = refer(registry, subject, "sbom", SBOM)
        answer = registry.get(f"referrers/{subject['digest']}", params={"artifactType": SBOM})
        assert [each["digest"] for each in answer.json()["manifests"]] == [sbom]
        assert answer.headers["OCI-Filters-Applied"] == "artifactType"

    def test_an_index_can_refer_too(self, registry: Registry) -> None:
        subject = descriptor(b"subject", OCI_IMAGE)
        index = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [],
            "subject": subject,
            "artifactType": SBOM,
        }
        assert registry.put("latest", index).headers["OCI-Subject"] == subject["digest"]
        (found,) = registry.get(f"referrers/{subject['digest']}").json()["manifests"]
        assert (found["mediaType"], found["artifactType"]) == (OCI_INDEX, SBOM)

    def test_more_than_one_answer_can_hold(self, registry: Registry) -> None:
        subject = descriptor(b"subject", OCI_IMAGE)
        notes = {"note": "x" * 1_800_000}
        pushed = {refer(registry, subject, str(number), SBOM, annotations=notes) for number in range(5)}
        url: str | None = f"referrers/{subject['digest']}?artifactType={SBOM.replace('+', '%2B')}"
        found: list[str] = []
        pages = 0
        while url:
            answer = registry.get(url)
            assert len(answer.content) <= 4 << 20
            found += [each["digest"] for each in answer.json()["manifests"]]
            pages += 1
            url = answer.links["next"]["url"] if "Link" in answer.headers else None
        assert (len(found), set(found), pages) == (5, pushed, 3)

    def test_what_is_no_digest(self, registry: Registry) -> None:
        assert error_of(registry.get("referrers/latest")) == (400, "DIGEST_INVALID")

    def test_the_tag_that_stands_in_for_the_list(self, registry: Registry) -> None:
        tag = digest_of(b"subject").replace(":", "-")
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
        assert registry.put(tag, index).status_code == 201
        assert registry.get(f"manifests/{tag}").json() == index
        assert registry.get("tags/list").json()["tags"] == [tag]
