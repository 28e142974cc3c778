"""The decorators that compile this package's functions with numba, and the folder that caches the compiled code.

numba compiles a function again for each set of argument types, links every function that it calls into it, and makes a
wrapper that converts Python arguments. With states of 70 arrays the wrappers and repeated compilations took most of the
time. So each function here is compiled for one set of types, and only functions called from Python have a wrapper.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from numba.core import types
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.registry import CPUDispatcher

Compiled = TypeVar("Compiled", bound=Callable[..., object])


def kernel(function: Compiled) -> Compiled:
    """Compiles a function that only other compiled functions call and that allocates nothing.

    It is compiled without numba's reference counting, which would take ten times as long as the work: every array read
    from a state (a NamedTuple) would be counted. A function that allocates fails to compile, so memory cannot leak.
    """
    return cast(Compiled, _dispatcher(function, _LinkedCompiler, _nrt=False, no_cpython_wrapper=True))


def entry_point(function: Compiled) -> Compiled:
    """Compiles a function that Python calls and that allocates nothing; the compiled code is cached on disk.

    It releases Python's global lock. Threads may run it at once on states that they do not share.
    """
    compiled = _dispatcher(function, _nrt=False)
    compiled.enable_caching()
    return cast(Compiled, compiled)


def allocating_entry_point(function: Compiled) -> Compiled:
    """Compiles a function that Python calls and that allocates arrays or lists; the compiled code is cached on disk."""
    compiled = _dispatcher(function)
    compiled.enable_caching()
    return cast(Compiled, compiled)


def hash_sources(folder: Path) -> str:
    """Returns a digest of the names and contents of the Python files in `folder`."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.py")):
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


@cache
def _cache_folder(folder: Path) -> str:
    return f"kernel-{hash_sources(folder)}"


class _KeyedBySources:
    """Puts the cache of a function into a folder named after all sources in the function's package.

    numba itself looks at the file of the cached function alone and misses a change in a function that it calls.
    """

    _py_file: str

    def get_cache_path(self) -> str:
        """Returns the folder of the cached code."""
        parent = cast(Any, super()).get_cache_path()
        return str(Path(parent) / _cache_folder(Path(self._py_file).parent))


class _UserProvidedFolder(_KeyedBySources, UserProvidedCacheLocator):  # type: ignore[misc]
    """The folder named by `NUMBA_CACHE_DIR`."""


class _PackageFolder(_KeyedBySources, InTreeCacheLocator):  # type: ignore[misc]
    """`__pycache__` beside the source."""


class _UserFolder(_KeyedBySources, UserWideCacheLocator):  # type: ignore[misc]
    """The user's cache folder, where the package's own folder cannot be written."""


class _CompiledCode(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_UserProvidedFolder, _PackageFolder, _UserFolder)


class _Cache(FunctionCache):  # type: ignore[misc]
    _impl_class = _CompiledCode


class _NoEnvironment:
    """Stands for the code generator where numba stores the Python environment of a function, which kernels lack."""

    def set_env(self, name: str, environment: object) -> None:
        """Does nothing: the function has no machine code of its own."""


class _LinkedLibrary(JITCodeLibrary):  # type: ignore[misc]
    """Code that is only linked into callers: it is neither optimised nor turned into machine code by itself.

    Both happen once in the caller, with all that it links. numba would do them for every function again.
    """

    @property
    def codegen(self) -> Any:
        """The code generator as `get_executable` uses it."""
        return _NoEnvironment()

    def get_pointer_to_function(self, name: str) -> int:
        """Returns 0: there is no machine code."""
        self._ensure_finalized()
        return 0

    def _optimize_final_module(self) -> None: ...

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


class _LinkedCompiler(Compiler):  # type: ignore[misc]
    """Compiles into a `_LinkedLibrary`."""

    def __init__(self, typing: Any, target: Any, library: Any, *rest: Any) -> None:
        super().__init__(typing, target, library or _LinkedLibrary(target.codegen(), "kernel"), *rest)


class _Dispatcher(CPUDispatcher):  # type: ignore[misc]
    """A compiled function that ignores which arguments are constants.

    numba compiles a function anew for each constant that a caller passes (`add(p, c, a, u, 1)`).
    """

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Returns how a compiled caller calls this function."""
        return super().get_call_template([cast(Any, types).unliteral(arg) for arg in args], kws)

    def enable_caching(self) -> None:
        """Keeps the compiled code on disk."""
        self._cache = _Cache(self.py_func)


def _dispatcher(function: Callable[..., object], compiler: type[Compiler] = Compiler, **options: bool) -> _Dispatcher:
    settings = {"nopython": True, "nogil": True, "no_cfunc_wrapper": True, "boundscheck": None, **options}
    return _Dispatcher(py_func=function, targetoptions=settings, pipeline_class=compiler)
