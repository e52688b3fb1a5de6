"""A small Hub on 127.0.0.1 that speaks the real routes, for unmodified clients to push to and pull from.

It keeps everything in memory, checks tokens, and fails on demand: with a status, by stalling, by breaking the
connection off, or by dying altogether.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

TOKEN = "hf_theOwnersTokenThatMustNeverShow"
OWNER = "owner"
LFS_SUFFIXES = (".safetensors", ".parquet")
ID = r"(?P<namespace>[\w.-]+)/(?P<name>[\w.-]+)"
API = rf"/api/(?P<kind>models|datasets|spaces)/{ID}"
GIT = rf"/(?:(?P<kind>datasets|spaces)/)?{ID}"
DATE = "2024-01-01T00:00:00.000Z"


class RefusedError(Exception):
    """An answer with an error status, as the Hub words it."""

    def __init__(self, status: int, message: str, code: str = "", **headers: str):
        self.response = JSONResponse({"error": message}, status, {"X-Error-Message": message, **headers})
        if code:
            self.response.headers["X-Error-Code"] = code


@dataclass
class Blob:
    content: bytes
    lfs: bool

    @property
    def oid(self) -> str:
        """SHA-256 of an LFS file, git's SHA-1 of another one."""
        if self.lfs:
            return hashlib.sha256(self.content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()

    def entry(self, path: str) -> dict[str, Any]:
        lfs = {"lfs": {"oid": self.oid, "size": len(self.content), "pointerSize": 130}} if self.lfs else {}
        return {"type": "file", "path": path, "size": len(self.content), "oid": self.oid[:40], **lfs}


@dataclass
class Repo:
    kind: str
    private: bool
    commits: dict[str, dict[str, Blob]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, files: dict[str, Blob], title: str) -> str:
        parts = [
            self.branches.get(branch, ""),
            title,
            *(f"{path} {blob.oid}" for path, blob in sorted(files.items())),
        ]
        sha = hashlib.sha1("\n".join(parts).encode()).hexdigest()
        self.commits[sha], self.titles[sha], self.branches[branch] = files, title, sha
        return sha

    def resolve(self, revision: str) -> str:
        sha = self.branches.get(revision) or self.tags.get(revision) or revision
        if sha not in self.commits:
            raise RefusedError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return sha


@dataclass
class Fault:
    method: str
    path: re.Pattern[str]
    how: int | str  # a status, "stall", "break" (the connection) or "die" (the whole server)
    times: int
    headers: dict[str, str]


class HubServer:
    """`with HubServer() as hub:` serves at `hub.url`; `stop()` and `start()` keep the repos and the port."""

    def __init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.lfs: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self.routes = list(ROUTES)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.storage_url = f"http://localhost:{self.port}"  # another host, as the real one's file storage

    def __enter__(self) -> HubServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        config = uvicorn.Config(self, host="127.0.0.1", port=self.port, log_level="critical", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive(), "the Hub server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = self.server.force_exit = True
        self.thread.join()

    def fail(self, method: str, path: str, how: int | str, times: int = 1000, **headers: str) -> None:
        """Lets the next `times` requests whose path holds the pattern `path` fail."""
        self.faults.append(Fault(method, re.compile(path), how, times, headers))

    def repo(self, name: str, kind: str = "models") -> Repo:
        return self.repos[kind, f"{OWNER}/{name}"]

    def files(self, name: str, kind: str = "models", revision: str = "main") -> dict[str, bytes]:
        repo = self.repo(name, kind)
        return {path: blob.content for path, blob in repo.commits[repo.resolve(revision)].items()}

    # Serving

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        path = scope["raw_path"].decode().split("?")[0]
        self.requests.append((request.method, path))
        try:
            await self._fail_on_demand(request, path)
            response = await self._answer(request, path)
        except RefusedError as refused:
            response = refused.response
        await response(scope, receive, send)

    async def _fail_on_demand(self, request: Request, path: str) -> None:
        for fault in self.faults:
            if fault.times > 0 and fault.method == request.method and fault.path.search(path):
                fault.times -= 1
                if isinstance(fault.how, int):
                    raise RefusedError(fault.how, f"asked to answer {fault.how}", **fault.headers)
                if fault.how == "stall":
                    await asyncio.sleep(3600)
                await anext(request.stream(), None)  # some of the body has arrived
                for connection in list(self.server.server_state.connections):
                    connection.transport.abort()
                if fault.how == "die":
                    self.server.should_exit = self.server.force_exit = True
                await asyncio.sleep(3600)

    async def _answer(self, request: Request, path: str) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        for route_method, pattern, handler in self.routes:
            if route_method == method and (match := re.fullmatch(pattern, path)):
                groups = {key: unquote(value) for key, value in match.groupdict().items() if value is not None}
                return await handler(self, request, groups)
        raise RefusedError(404, f"no such route: {request.method} {path}")

    def _user(self, request: Request) -> str | None:
        header = request.headers.get("authorization")
        if header is not None and header != f"Bearer {TOKEN}":
            raise RefusedError(401, "Invalid credentials in Authorization header")
        return OWNER if header else None

    def _find(self, request: Request, groups: dict[str, str], write: bool = False) -> Repo:
        user = self._user(request)
        repo = self.repos.get((groups.get("kind", "models"), f"{groups['namespace']}/{groups['name']}"))
        if repo is None or (repo.private and user is None):
            raise RefusedError(404 if user else 401, "Repository not found", "RepoNotFound")
        if write and user != groups["namespace"]:
            raise RefusedError(403 if user else 401, "Forbidden: you must write in your own namespace")
        return repo

    # Repos

    async def whoami(self, request: Request, groups: dict[str, str]) -> Response:
        if not (user := self._user(request)):
            raise RefusedError(401, "Invalid username or password.")
        token = {"accessToken": {"displayName": "tests", "role": "write"}, "type": "access_token"}
        return JSONResponse({"type": "user", "name": user, "fullname": user, "orgs": [], "auth": token})

    async def validate_yaml(self, request: Request, groups: dict[str, str]) -> Response:
        return JSONResponse({"errors": [], "warnings": []})

    async def create(self, request: Request, groups: dict[str, str]) -> Response:
        user, body = self._user(request), await request.json()
        namespace = body.get("organization") or user
        if user is None or namespace != user:
            raise RefusedError(403 if user else 401, f"You don't have the rights to create a repo in {namespace}")
        kind, repo_id = f"{body.get('type') or 'model'}s", f"{namespace}/{body['name']}"
        url = f"{self.url}/{'' if kind == 'models' else f'{kind}/'}{repo_id}"
        if (kind, repo_id) in self.repos:
            return JSONResponse({"error": "You already created this repo", "url": url}, 409)
        repo = self.repos[kind, repo_id] = Repo(kind, body.get("visibility") == "private" or bool(body.get("private")))
        repo.commit("main", {".gitattributes": Blob(b"*.parquet filter=lfs\n", False)}, "initial commit")
        return JSONResponse({"url": url, "name": repo_id, "id": repo_id})

    async def info(self, request: Request, groups: dict[str, str]) -> Response:
        repo = self._find(request, groups)
        sha = repo.resolve(groups.get("revision", "main"))
        siblings = [{"rfilename": path} for path in sorted(repo.commits[sha])]
        repo_id = f"{groups['namespace']}/{groups['name']}"
        times = {"lastModified": DATE, "createdAt": DATE}
        counts = {"downloads": 0, "likes": 0, "tags": [], "gated": False, "disabled": False}
        return JSONResponse(
            {
                "_id": sha[:24],
                "id": repo_id,
                "sha": sha,
                "private": repo.private,
                "siblings": siblings,
                **times,
                **counts,
            }
        )

    async def refs(self, request: Request, groups: dict[str, str]) -> Response:
        repo = self._find(request, groups)

        def listed(names: dict[str, str], folder: str) -> list[dict[str, str]]:
            return [{"name": name, "ref": f"refs/{folder}/{name}", "targetCommit": sha} for name, sha in names.items()]

        branches, tags = listed(repo.branches, "heads"), listed(repo.tags, "tags")
        return JSONResponse({"branches": branches, "tags": tags, "converts": []})

    async def make_ref(self, request: Request, groups: dict[str, str]) -> Response:
        repo, body = self._find(request, groups, write=True), await request.json()
        if groups["ref"] == "branch":
            names, name, start = repo.branches, groups["value"], body.get("startingPoint") or "main"
        else:
            names, name, start = repo.tags, body["tag"], groups["value"]
        if name in names:
            raise RefusedError(409, f"Reference already exists: {name}")
        names[name] = repo.resolve(start)
        return Response(status_code=201)

    async def commits(self, request: Request, groups: dict[str, str]) -> Response:
        repo = self._find(request, groups)
        shas = list(repo.commits)[: list(repo.commits).index(repo.resolve(groups["revision"])) + 1]
        made = {"authors": [{"user": OWNER}], "date": DATE, "message": ""}
        return JSONResponse([{"id": sha, "title": repo.titles[sha], **made} for sha in reversed(shas)])

    async def tree(self, request: Request, groups: dict[str, str]) -> Response:
        repo = self._find(request, groups)
        below = f"{groups['path']}/" if groups.get("path") else ""
        files = repo.commits[repo.resolve(groups["revision"])]
        found = {path: blob for path, blob in files.items() if path.startswith(below)}
        if below and not found:
            raise RefusedError(404, f"{below} does not exist", "EntryNotFound")
        parts = [path[len(below) :].split("/")[:-1] for path in found]
        folders = {below + "/".join(part[: i + 1]) for part in parts for i in range(len(part))}
        entries = [{"type": "directory", "path": name, "oid": "0" * 40, "size": 0} for name in sorted(folders)]
        entries += [blob.entry(path) for path, blob in sorted(found.items())]
        if request.query_params.get("recursive", "").lower() not in ("true", "1"):
            entries = [entry for entry in entries if "/" not in entry["path"][len(below) :]]
        return JSONResponse(entries)

    async def paths_info(self, request: Request, groups: dict[str, str]) -> Response:
        repo = self._find(request, groups)
        files, form = repo.commits[repo.resolve(groups["revision"])], await request.form()
        paths = form.getlist("paths")
        entries = [files[path].entry(path) for path in paths if path in files]
        folders = [path for path in paths if any(name.startswith(f"{path}/") for name in files)]
        return JSONResponse(entries + [{"type": "directory", "path": path, "oid": "0" * 40} for path in folders])

    # Upload

    async def preupload(self, request: Request, groups: dict[str, str]) -> Response:
        repo, body = self._find(request, groups, write=True), await request.json()
        present = repo.commits[repo.resolve(groups["revision"])]
        files = []
        for file in body["files"]:
            lfs = file["path"].endswith(LFS_SUFFIXES) or file["size"] > 10_000_000
            oid = present[file["path"]].oid if file["path"] in present else None
            mode = "lfs" if lfs else "regular"
            files.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return JSONResponse({"files": files})

    async def lfs_batch(self, request: Request, groups: dict[str, str]) -> Response:
        self._find(request, groups, write=True)
        objects = []
        for item in (await request.json())["objects"]:
            entry = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in self.lfs:
                upload = {"href": f"{self.storage_url}/lfs/{item['oid']}?signature=secret", "header": {}}
                entry["actions"] = {
                    "upload": upload,
                    "verify": {"href": f"{self.url}/lfs-verify", "header": {}},
                }
            objects.append(entry)
        return JSONResponse({"transfer": "basic", "objects": objects})

    async def lfs_put(self, request: Request, groups: dict[str, str]) -> Response:
        assert "authorization" not in request.headers, "the token went to the file storage"
        content = await request.body()
        if hashlib.sha256(content).hexdigest() != groups["oid"]:
            raise RefusedError(400, "content does not match its hash")
        self.lfs[groups["oid"]] = content
        return Response()

    async def lfs_verify(self, request: Request, groups: dict[str, str]) -> Response:
        item = await request.json()
        if len(self.lfs.get(item["oid"], b"")) != item["size"]:
            raise RefusedError(404, "not uploaded")
        return JSONResponse({})

    async def commit(self, request: Request, groups: dict[str, str]) -> Response:
        repo, branch = self._find(request, groups, write=True), groups["revision"]
        head = repo.resolve(branch)
        files, title = dict(repo.commits[head]), ""
        for line in (await request.body()).splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                title = value["summary"]
                if value.get("parentCommit", head) != head:
                    raise RefusedError(412, "A commit has happened since. Please refresh and try again.")
            elif item["key"] == "file":
                files[value["path"]] = Blob(base64.b64decode(value["content"]), False)
            elif item["key"] == "lfsFile":
                if value["oid"] not in self.lfs:
                    raise RefusedError(400, f"LFS object {value['oid']} was not uploaded")
                files[value["path"]] = Blob(self.lfs[value["oid"]], True)
            elif item["key"] == "deletedFile":
                del files[value["path"]]
            else:
                raise RefusedError(400, f"unknown operation {item['key']}")
        sha = repo.commit(branch, files, title)
        url = f"{self.url}/{groups['namespace']}/{groups['name']}/commit/{sha}"
        return JSONResponse({"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": ""})

    # Download

    async def resolve(self, request: Request, groups: dict[str, str]) -> Response:
        repo = self._find(request, groups)
        sha = repo.resolve(groups["revision"])
        blob = repo.commits[sha].get(groups["path"])
        headers = {"X-Repo-Commit": sha}
        if blob is None:
            raise RefusedError(404, "Entry not found", "EntryNotFound", **headers)
        if blob.lfs:
            headers |= {"X-Linked-Etag": f'"{blob.oid}"', "X-Linked-Size": str(len(blob.content))}
            return Response(status_code=302, headers={**headers, "Location": f"{self.storage_url}/cdn/{blob.oid}"})
        return _content(request, blob.content, {**headers, "ETag": f'"{blob.oid}"'})

    async def cdn(self, request: Request, groups: dict[str, str]) -> Response:
        assert "authorization" not in request.headers, "the token went to the file storage"
        return _content(request, self.lfs[groups["oid"]], {"ETag": f'"{groups["oid"]}"'})


def _content(request: Request, content: bytes, headers: dict[str, str]) -> Response:
    headers["Accept-Ranges"] = "bytes"
    if part := re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", "")):
        first, last = int(part[1]), min(int(part[2] or len(content)), len(content) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return Response(content[first : last + 1], 206, headers, "application/octet-stream")
    return Response(content, 200, headers, "application/octet-stream")


ROUTES = [
    ("GET", "/api/whoami-v2", HubServer.whoami),
    ("POST", "/api/validate-yaml", HubServer.validate_yaml),
    ("POST", "/api/repos/create", HubServer.create),
    ("GET", rf"{API}(?:/revision/(?P<revision>[^/]+))?", HubServer.info),
    ("GET", rf"{API}/refs", HubServer.refs),
    ("GET", rf"{API}/commits/(?P<revision>[^/]+)", HubServer.commits),
    ("GET", rf"{API}/tree/(?P<revision>[^/]+)(?:/(?P<path>.+?))?/?", HubServer.tree),
    ("POST", rf"{API}/paths-info/(?P<revision>[^/]+)", HubServer.paths_info),
    ("POST", rf"{API}/(?P<ref>branch|tag)/(?P<value>[^/]+)", HubServer.make_ref),
    ("POST", rf"{API}/preupload/(?P<revision>[^/]+)", HubServer.preupload),
    ("POST", rf"{API}/commit/(?P<revision>[^/]+)", HubServer.commit),
    ("POST", rf"{GIT}\.git/info/lfs/objects/batch", HubServer.lfs_batch),
    ("PUT", "/lfs/(?P<oid>[0-9a-f]{64})", HubServer.lfs_put),
    ("POST", "/lfs-verify", HubServer.lfs_verify),
    ("GET", rf"{GIT}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", HubServer.resolve),
    ("GET", "/cdn/(?P<oid>[0-9a-f]{64})", HubServer.cdn),
]
