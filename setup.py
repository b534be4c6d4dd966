"""What pyproject.toml can't say: the one module in C is optional, and a release's wheel is made without it.

Where there is no C compiler, setuptools says so and goes on; the program does the same without the module, slower.
"""

from __future__ import annotations

import os

from setuptools import Extension, setup

#: Set where a wheel is to run on every machine: requirements/release.py.
is_pure = bool(os.environ.get("PURE_PYTHON"))
module = Extension(
    "streams.shell._columns",
    ["streams/shell/_columns.c"],
    extra_compile_args=["-O3", "-g0"],
    py_limited_api=True,  # one build serves Python 3.11 and all that follow
    optional=True,
)
setup(
    ext_modules=[] if is_pure else [module],
    options={} if is_pure else {"bdist_wheel": {"py_limited_api": "cp311"}},
)
