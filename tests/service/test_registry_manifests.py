"""Manifests of every kind, what they must refer to, and bad ones; what a tag's push does to its commits."""

from __future__ import annotations

import base64
import itertools
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from polly_magic.service.schema import commits, manifests, users
from tests.service.running import (
    ADMIN,
    MEMBER,
    OCI_CONFIG,
    OCI_IMAGE,
    OCI_INDEX,
    OCI_LAYER,
    Registry,
    descriptor,
    digest_of,
    error_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
EMPTY = "application/vnd.oci.empty.v1+json"


def encoded(manifest: Any) -> bytes:
    return json.dumps(manifest).encode()


def index_of(*children: dict[str, Any], media_type: str = OCI_INDEX, **more: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": media_type, "manifests": list(children), **more}


def child_of(registry: Registry, manifest: dict[str, Any], platform: str | None = None) -> dict[str, Any]:
    """Push a manifest by digest and return its descriptor."""
    content = encoded(manifest)
    assert registry.put(digest_of(content), content, manifest["mediaType"]).status_code == 201
    more = {}
    if platform:
        more["platform"] = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
    return descriptor(content, manifest["mediaType"], **more)


def commits_of(registry: Registry, tag: str = "latest") -> list[Any]:
    statement = select(commits, users.c.email).join_from(commits, users).where(commits.c.tag == tag)
    return registry.service.rows(statement.order_by(commits.c.id))


class TestRoundTrip:
    def test_an_image_by_tag_and_by_digest(self, registry: Registry) -> None:
        manifest = registry.image("one")
        answer = registry.put("latest", manifest)
        digest = digest_of(encoded(manifest))
        assert answer.status_code == 201
        assert answer.headers["Docker-Content-Digest"] == digest
        assert answer.headers["Location"] == f"/v2/elucidata/16june/manifests/{digest}"
        for reference in ("latest", digest):
            got = registry.get(f"manifests/{reference}")
            assert got.content == encoded(manifest)
            assert got.headers["Content-Type"] == OCI_IMAGE
            assert got.headers["Docker-Content-Digest"] == digest
            assert got.headers["ETag"] == f'"{digest}"'
            head = registry.request("HEAD", f"manifests/{reference}")
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["Content-Length"] == str(len(encoded(manifest)))
            known = registry.get(f"manifests/{reference}", headers={"If-None-Match": f'"{digest}"'})
            assert (known.status_code, known.content) == (304, b"")

    @pytest.mark.parametrize(
        "accept",
        [
            None,
            "*/*",
            "application/json",
            f"{DOCKER_IMAGE}, {DOCKER_INDEX}, {OCI_INDEX}, {OCI_IMAGE}, */*",
            f"{OCI_IMAGE};q=0.5",
            DOCKER_IMAGE,
        ],
    )
    def test_whatever_is_accepted_the_manifest_is_the_same(self, registry: Registry, accept: str | None) -> None:
        registry.put("latest", registry.image("one"))
        answer = registry.get("manifests/latest", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, OCI_IMAGE)

    def test_dockers_own_types(self, registry: Registry) -> None:
        image = registry.image("one") | {"mediaType": DOCKER_IMAGE}
        image["config"]["mediaType"], image["layers"][0]["mediaType"] = DOCKER_CONFIG, DOCKER_LAYER
        index = index_of(child_of(registry, image, "linux/amd64"), media_type=DOCKER_INDEX)
        assert registry.put("latest", index).status_code == 201
        assert registry.get("manifests/latest").headers["Content-Type"] == DOCKER_INDEX

    def test_the_media_type_may_be_in_the_header_alone(self, registry: Registry) -> None:
        manifest = registry.image("one")
        del manifest["mediaType"]
        assert registry.put("latest", manifest, f"{OCI_IMAGE}; charset=utf-8").status_code == 201
        assert registry.get("manifests/latest").headers["Content-Type"] == OCI_IMAGE

    def test_unknown_fields_and_no_layers(self, registry: Registry) -> None:
        manifest = registry.image("one", future={"field": [1, None, 1.5]}) | {"layers": []}
        assert registry.put("latest", manifest).status_code == 201
        assert registry.get("manifests/latest").content == encoded(manifest)
        assert registry.put("null", manifest | {"layers": None}).status_code == 201

    def test_sha512(self, registry: Registry) -> None:
        content = encoded(registry.image("one"))
        digest = digest_of(content, "sha512")
        assert registry.put(digest, content).status_code == 201
        answer = registry.get(f"manifests/{digest}")
        assert (answer.content, answer.headers["Docker-Content-Digest"]) == (content, digest)
        index = index_of(descriptor(content, OCI_IMAGE) | {"digest": digest})
        assert registry.put("latest", index).status_code == 201
        blob = b"a layer known by sha512"
        layer = descriptor(blob, OCI_LAYER) | {"digest": registry.push_blob(blob, "sha512")}
        assert registry.put("latest", registry.image("two") | {"layers": [layer]}).status_code == 201

    def test_an_artifact(self, registry: Registry) -> None:
        config = registry.blob(b"{}", EMPTY)
        manifest = registry.image("one") | {"config": config, "artifactType": "application/vnd.example+type"}
        assert registry.put("latest", manifest).status_code == 201
        assert commits_of(registry)[0].platforms == ""


class TestReferences:
    def test_a_missing_blob(self, registry: Registry) -> None:
        missing = descriptor(b"missing", OCI_LAYER)
        for manifest in (
            registry.image("one") | {"layers": [missing]},
            registry.image("two") | {"config": missing},
        ):
            answer = registry.put("latest", manifest)
            assert error_of(answer) == (404, "MANIFEST_BLOB_UNKNOWN")
            assert answer.json()["errors"][0]["detail"] == {"digest": missing["digest"]}
        assert registry.get("manifests/latest").status_code == 404
        assert registry.service.rows(manifests.select()) == []

    def test_a_blob_of_another_repository_is_missing(
        self, registry: Registry, open_registry: Callable[..., Registry]
    ) -> None:
        manifest = registry.image("one")
        assert error_of(open_registry("elucidata/17june").put("latest", manifest))[1] == "MANIFEST_BLOB_UNKNOWN"

    def test_a_missing_child(self, registry: Registry) -> None:
        missing = descriptor(b"{}", OCI_IMAGE)
        assert error_of(registry.put("latest", index_of(missing))) == (404, "MANIFEST_BLOB_UNKNOWN")

    def test_a_blob_is_no_child(self, registry: Registry) -> None:
        child = registry.blob(encoded(registry.image("one")), OCI_IMAGE)
        assert error_of(registry.put("latest", index_of(child))) == (404, "MANIFEST_BLOB_UNKNOWN")

    def test_an_index_may_hold_blobs_of_other_types(self, registry: Registry) -> None:
        index = index_of(registry.blob(b"of a build's cache", "application/vnd.buildkit.cacheconfig.v0"))
        assert registry.put("latest", index).status_code == 201

    def test_another_size(self, registry: Registry) -> None:
        manifest = registry.image("one")
        manifest["layers"][0]["size"] += 1
        assert error_of(registry.put("latest", manifest)) == (400, "MANIFEST_INVALID")

    @pytest.mark.parametrize(
        "media_type",
        [
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        ],
    )
    def test_layers_that_are_not_distributed_may_be_missing(self, registry: Registry, media_type: str) -> None:
        layer = descriptor(b"kept elsewhere", media_type, urls=["https://example.com/layer"])
        assert registry.put("latest", registry.image("one") | {"layers": [layer]}).status_code == 201

    def test_a_subject_may_be_missing(self, registry: Registry) -> None:
        subject = descriptor(b"not pushed yet", OCI_IMAGE)
        answer = registry.put("latest", registry.image("one", subject=subject))
        assert (answer.status_code, answer.headers["OCI-Subject"]) == (201, subject["digest"])
        assert "OCI-Subject" not in registry.put("latest", registry.image("two")).headers

    def test_enclosed_data_is_kept_as_a_blob(self, registry: Registry) -> None:
        layer = descriptor(b"small", OCI_LAYER, data=base64.b64encode(b"small").decode())
        assert registry.put("latest", registry.image("one") | {"layers": [layer]}).status_code == 201
        assert registry.get(f"blobs/{layer['digest']}").content == b"small"

    def test_an_enclosed_config_names_the_platform(self, registry: Registry) -> None:
        config = b'{"os": "linux", "architecture": "riscv64"}'
        enclosed = descriptor(config, OCI_CONFIG, data=base64.b64encode(config).decode())
        assert registry.put("latest", registry.image("one") | {"config": enclosed}).status_code == 201
        assert commits_of(registry)[0].platforms == "linux/riscv64"

    def test_an_enclosed_child_is_kept_as_a_manifest(self, registry: Registry) -> None:
        content = encoded(registry.image("one", "linux/s390x"))
        child = descriptor(content, OCI_IMAGE, data=base64.b64encode(content).decode())
        inner = encoded(index_of(child))
        outer = index_of(descriptor(inner, OCI_INDEX, data=base64.b64encode(inner).decode()))
        assert registry.put("latest", outer).status_code == 201
        assert registry.get(f"manifests/{child['digest']}").content == content
        assert commits_of(registry)[0].platforms == "linux/s390x"

    @pytest.mark.parametrize("data", ["b3RoZXI=", "c21hbA==", "?", 7, ["c21hbGw="], "c21hbGw", "é"])
    def test_wrong_enclosed_data(self, registry: Registry, data: Any) -> None:
        layer = descriptor(b"small", OCI_LAYER, data=data)
        assert error_of(registry.put("latest", registry.image("one") | {"layers": [layer]})) == (
            400,
            "MANIFEST_INVALID",
        )
        assert registry.get(f"blobs/{layer['digest']}").status_code == 404


GOOD = {"mediaType": OCI_LAYER, "digest": "sha256:" + "0" * 64, "size": 1}
DEEP = b"[" * 100_000 + b"]" * 100_000
NESTED = b"[" * 900 + b"]" * 900


class TestBadOnes:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"null",
            b"7",
            b"[]",
            b'"text"',
            b"\xff\xfe{}",
            b"\xef\xbb\xbf{}",
            b'{"schemaVersion": NaN}',
            DEEP,
            b'{"schemaVersion": 2, "config": {"digest": ' + NESTED + b"}}",
            b'{"schemaVersion": 2, "mediaType": ' + NESTED + b"}",
            b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
            b'{"schemaVersion": 2, "size": ' + b"9" * 1_000_000 + b"}",
            b'{"schemaVersion": 2, "config": "\\ud800"}',
            b'{"schemaVersion": 1e999999}',
            encoded({"schemaVersion": 1, "config": GOOD, "layers": []}),
            encoded({"schemaVersion": "2", "config": GOOD, "layers": []}),
            encoded({"schemaVersion": True, "config": GOOD, "layers": []}),
            encoded({"schemaVersion": 2, "layers": []}),
            encoded({"schemaVersion": 2, "config": GOOD}),
            encoded({"schemaVersion": 2, "config": [], "layers": []}),
            encoded({"schemaVersion": 2, "config": GOOD, "layers": {}}),
            encoded({"schemaVersion": 2, "config": GOOD, "layers": [7]}),
            encoded({"schemaVersion": 2, "config": GOOD, "layers": [], "manifests": [GOOD]}),
            encoded({"schemaVersion": 2, "config": GOOD, "layers": [], "subject": "sha256:"}),
            encoded({"schemaVersion": 2, "config": GOOD, "layers": [], "artifactType": "\ud800/x"}),
            encoded({"schemaVersion": 2, "config": GOOD, "layers": [], "artifactType": "no type"}),
            encoded({"schemaVersion": 2, "config": GOOD | {"digest": "sha256:0"}, "layers": []}),
            encoded({"schemaVersion": 2, "config": GOOD | {"digest": None}, "layers": []}),
            encoded({"schemaVersion": 2, "config": GOOD | {"size": -1}, "layers": []}),
            encoded({"schemaVersion": 2, "config": GOOD | {"size": "1"}, "layers": []}),
            encoded({"schemaVersion": 2, "config": GOOD | {"size": True}, "layers": []}),
            encoded({"schemaVersion": 2, "config": GOOD | {"size": 2**63}, "layers": []}),
            encoded({"schemaVersion": 2, "config": GOOD | {"size": 2**63 - 1}, "layers": [GOOD]}),
            encoded({"schemaVersion": 2, "config": GOOD | {"mediaType": "\x00"}, "layers": []}),
            encoded({"schemaVersion": 2, "mediaType": [OCI_IMAGE], "config": GOOD, "layers": []}),
            encoded({"schemaVersion": 2, "mediaType": DOCKER_IMAGE, "config": GOOD, "layers": []}),
        ],
        ids=lambda content: repr(content[:60]),
    )
    def test_is_refused(self, registry: Registry, content: bytes) -> None:
        assert error_of(registry.put("latest", content, OCI_IMAGE)) == (400, "MANIFEST_INVALID")

    def test_a_key_twice(self, registry: Registry) -> None:
        content = encoded(registry.image("one", note="once"))
        assert registry.put("latest", content).status_code == 201
        doubled = content.replace(b'"note"', b'"note": 1, "note"')
        assert error_of(registry.put("latest", doubled)) == (400, "MANIFEST_INVALID")

    @pytest.mark.parametrize("foreign", ["config", "layers"])
    def test_an_index_that_is_an_image_as_well(self, registry: Registry, foreign: str) -> None:
        image = registry.image("one")
        assert error_of(registry.put("latest", index_of(**{foreign: image[foreign]})))[1] == "MANIFEST_INVALID"

    @pytest.mark.parametrize(
        "media_type",
        [
            "application/json",
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            "text/html",
            "nonsense",
            OCI_INDEX,
        ],
    )
    def test_a_content_type_that_is_not_the_manifests(self, registry: Registry, media_type: str) -> None:
        assert error_of(registry.put("latest", registry.image("one"), media_type)) == (400, "MANIFEST_INVALID")

    def test_four_mebibytes_at_most(self, registry: Registry) -> None:
        manifest = registry.image("one", annotations={"a": ""})
        manifest["annotations"]["a"] = "x" * ((4 << 20) - len(encoded(manifest)))
        assert len(encoded(manifest)) == 4 << 20
        assert registry.put("latest", manifest).status_code == 201
        assert len(registry.get("manifests/latest").content) == 4 << 20
        manifest["annotations"]["a"] += "x"
        assert error_of(registry.put("latest", manifest)) == (413, "SIZE_INVALID")

    def test_another_digest(self, registry: Registry) -> None:
        manifest = registry.image("one")
        assert error_of(registry.put(digest_of(b"other"), manifest)) == (400, "DIGEST_INVALID")
        assert error_of(registry.put("sha256:0", manifest)) == (400, "DIGEST_INVALID")

    @pytest.mark.parametrize("tag", ["-x", "x" * 129, "a%20b", "%C3%A9"])
    def test_what_is_no_tag(self, registry: Registry, tag: str) -> None:
        assert error_of(registry.put(tag, registry.image("one"))) == (400, "MANIFEST_INVALID")
        assert error_of(registry.get(f"manifests/{tag}")) == (404, "MANIFEST_UNKNOWN")

    def test_an_unknown_one(self, registry: Registry) -> None:
        assert error_of(registry.get("manifests/latest")) == (404, "MANIFEST_UNKNOWN")
        assert error_of(registry.get(f"manifests/{digest_of(b'')}")) == (404, "MANIFEST_UNKNOWN")
        assert registry.request("HEAD", "manifests/latest").status_code == 404

    def test_many_parts(self, registry: Registry) -> None:
        layers = [GOOD | {"digest": f"sha256:{number:064x}"} for number in range(20_000)]
        answer = registry.put("latest", registry.image("one") | {"layers": layers})
        assert error_of(answer) == (404, "MANIFEST_BLOB_UNKNOWN")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([GOOD, OCI_IMAGE]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)
FIELDS = ("schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "artifactType", "annotations")
near_manifests = st.fixed_dictionaries(
    {"schemaVersion": st.just(2)},
    optional={
        name: json_values | st.just([]) | st.fixed_dictionaries(dict.fromkeys(GOOD, json_values)) for name in FIELDS[1:]
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=200)
    | json_values.map(lambda value: json.dumps(value).encode())
    | near_manifests.map(lambda value: json.dumps(value).encode()),
    media_type=st.sampled_from([OCI_IMAGE, OCI_INDEX, DOCKER_IMAGE, DOCKER_INDEX]),
)
def test_nothing_that_is_sent_makes_the_service_fail(registry: Registry, content: bytes, media_type: str) -> None:
    answer = registry.put("latest", content, media_type)
    if answer.status_code != 201:
        assert error_of(answer) in {(400, "MANIFEST_INVALID"), (404, "MANIFEST_BLOB_UNKNOWN")}
    else:
        assert registry.get("manifests/latest").content == content


class TestCommits:
    def test_a_second_push_closes_the_first(self, registry: Registry) -> None:
        digests = []
        for name in ("one", "two"):
            manifest = registry.image(name)
            digests.append(digest_of(encoded(manifest)))
            assert registry.put("latest", manifest).status_code == 201
        first, second = commits_of(registry)
        assert [first.digest, second.digest] == digests
        assert first.replaced_at == second.pushed_at > first.pushed_at
        assert second.replaced_at is None
        assert (first.email, first.media_type, first.platforms) == (MEMBER, OCI_IMAGE, "linux/amd64")
        sizes = [part["size"] for part in (manifest["config"], *manifest["layers"])]
        assert second.size == sum(sizes)
        assert registry.get("manifests/latest").headers["Docker-Content-Digest"] == digests[1]
        assert registry.get(f"manifests/{digests[0]}").status_code == 200

    def test_the_author_is_whoever_pushed(self, registry: Registry) -> None:
        registry.put("latest", registry.image("one"))
        admin = Registry(registry.service, "elucidata/16june", ADMIN)
        admin.put("latest", admin.image("two"))
        assert [row.email for row in commits_of(registry)] == [MEMBER, ADMIN]

    def test_the_same_push_again_is_no_commit(self, registry: Registry) -> None:
        manifest = registry.image("one")
        for _ in range(2):
            assert registry.put("latest", manifest).status_code == 201
        assert len(commits_of(registry)) == 1
        registry.put("latest", registry.image("two"))
        registry.put("latest", manifest)
        assert [row.replaced_at is None for row in commits_of(registry)] == [False, False, True]

    def test_a_push_by_digest_is_no_commit(self, registry: Registry) -> None:
        child_of(registry, registry.image("one"))
        assert registry.service.rows(commits.select()) == []

    def test_the_order_is_strict_although_the_clock_is_set_back(
        self, registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registry.put("latest", registry.image("one"))
        monkeypatch.setattr("polly_magic.service.commits.now", lambda: 1_000)
        registry.put("latest", registry.image("two"))
        first, second = commits_of(registry)
        assert second.pushed_at == first.pushed_at + 1 == first.replaced_at

    def test_a_tag_is_never_answered_stale(self, registry: Registry) -> None:
        for number in range(20):
            manifest = registry.image(str(number))
            registry.put("latest", manifest)
            assert registry.get("manifests/latest").content == encoded(manifest)

    def test_sixteen_at_once_leave_one_active(self, registry: Registry) -> None:
        images = [registry.image(str(number)) for number in range(16)]
        clients = [Registry(registry.service, "elucidata/16june") for _ in images]
        start = threading.Barrier(16)
        statuses: list[int] = []

        def push(client: Registry, image: dict[str, Any]) -> None:
            start.wait()
            statuses.append(client.put("latest", image).status_code)

        threads = [threading.Thread(target=push, args=pair) for pair in zip(clients, images, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [201] * 16
        rows = commits_of(registry)
        assert {row.digest for row in rows} == {digest_of(encoded(image)) for image in images}
        assert [row.replaced_at for row in rows] == [*(row.pushed_at for row in rows[1:]), None]
        assert all(one.pushed_at < next_one.pushed_at for one, next_one in itertools.pairwise(rows))
        assert registry.get("manifests/latest").headers["Docker-Content-Digest"] == rows[-1].digest

    def test_an_index_has_the_platforms_and_sizes_of_its_children_once(self, registry: Registry) -> None:
        amd64, arm64 = registry.image("one", "linux/amd64"), registry.image("two", "linux/arm64/v8")
        attestation = registry.image("three", "unknown/unknown")
        children = [
            child_of(registry, amd64, "linux/amd64"),
            child_of(registry, arm64),
            child_of(registry, arm64, "linux/arm64/v8"),
            child_of(registry, attestation, "unknown/unknown"),
        ]
        nested = child_of(registry, index_of(*children[:2]))
        images = (amd64, arm64, attestation)
        sizes = [sum(part["size"] for part in (image["config"], *image["layers"])) for image in images]
        registry.put("latest", index_of(*children))
        registry.put("latest", index_of(nested, children[3]))
        flat, deep = commits_of(registry)
        assert flat.platforms == deep.platforms == "linux/amd64,linux/arm64/v8"
        assert flat.size == deep.size == sum(sizes)

    @pytest.mark.parametrize(
        "config",
        [b"not JSON", b"[]", b'{"os": "linux"}', b'{"os": "a,b", "architecture": "c"}', DEEP[:200_000], b'{"os": 1}'],
    )
    def test_a_config_that_names_no_platform(self, registry: Registry, config: bytes) -> None:
        manifest = registry.image("one") | {"config": registry.blob(config, OCI_CONFIG)}
        assert registry.put("latest", manifest).status_code == 201
        assert commits_of(registry)[0].platforms == ""

    def test_commits_outlive_the_service(self, registry: Registry) -> None:
        manifest = registry.image("one")
        registry.put("latest", manifest)
        registry.service.restart()
        assert Registry(registry.service, "elucidata/16june").get("manifests/latest").content == encoded(manifest)


class TestDelete:
    @pytest.fixture
    def admin(self, registry: Registry) -> Registry:
        registry.service.restart(allow_delete=True)
        return Registry(registry.service, "elucidata/16june", ADMIN)

    def test_off_unless_allowed(self, registry: Registry) -> None:
        registry.put("latest", registry.image("one"))
        for reference in ("latest", digest_of(b"")):
            assert error_of(registry.request("DELETE", f"manifests/{reference}")) == (405, "UNSUPPORTED")
        assert commits_of(registry)[0].replaced_at is None

    def test_a_tag_is_closed_and_its_manifest_stays(self, admin: Registry) -> None:
        manifest = admin.image("one")
        admin.put("latest", manifest)
        assert admin.request("DELETE", "manifests/latest").status_code == 202
        assert error_of(admin.get("manifests/latest")) == (404, "MANIFEST_UNKNOWN")
        assert error_of(admin.request("DELETE", "manifests/latest")) == (404, "MANIFEST_UNKNOWN")
        assert admin.get(f"manifests/{digest_of(encoded(manifest))}").status_code == 200
        (row,) = commits_of(admin)
        assert row.replaced_at is not None
        assert admin.get("tags/list").json()["tags"] == []

    def test_a_manifest_takes_its_tags_along_and_its_commits_stay(self, admin: Registry) -> None:
        manifest = admin.image("one")
        digest = digest_of(encoded(manifest))
        for tag in ("latest", "v1"):
            admin.put(tag, manifest)
        admin.put("other", admin.image("two"))
        assert admin.get(f"manifests/{digest}").status_code == 200
        assert admin.request("DELETE", f"manifests/{digest}").status_code == 202
        for reference in ("latest", "v1", digest):
            assert error_of(admin.get(f"manifests/{reference}")) == (404, "MANIFEST_UNKNOWN")
        assert error_of(admin.request("DELETE", f"manifests/{digest}")) == (404, "MANIFEST_UNKNOWN")
        assert admin.get("tags/list").json()["tags"] == ["other"]
        (row,) = commits_of(admin)
        assert (row.digest, row.platforms, row.replaced_at is None) == (digest, "linux/amd64", False)
        assert admin.put("latest", manifest).status_code == 201
        assert [row.replaced_at is None for row in commits_of(admin)] == [False, True]
