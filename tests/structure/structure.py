#!/usr/bin/env python3
"""Reads every #include line against src/modules.txt, and src/CMakeLists.txt's DEPENDS lists against the includes.

Usage: structure.py ROOT      prints one line per finding; exit code 1 if there is any.
"""
import fnmatch
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*(?:include|include_next|import)\s*(?:([<"])([^>"]+)[>"]|(\S.*))')
SUFFIXES = {".hpp", ".cpp", ".h", ".cc", ".ipp"}
MAX_LINES = 400


@dataclass
class Module:
    name: str
    level: int
    tower: str
    forbidden: set = field(default_factory=set)


@dataclass
class Library:
    name: str
    public: bool
    places: list
    headers: list


class Table:
    """src/modules.txt."""

    def __init__(self, path):
        self.modules, self.libraries, self.other_tests = {}, [], set()
        for number, line in enumerate(path.read_text().splitlines(), 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            where = f"{path.name}:{number}"
            if words[0] == "module" and len(words) == 4 and words[3] in ("both", "science", "farm", "app"):
                self.modules[words[1]] = Module(words[1], int(words[2]), words[3])
            elif words[0] == "forbid" and len(words) >= 3 and all(w in self.modules for w in words[1:]):
                self.modules[words[1]].forbidden |= set(words[2:])
            elif words[0] == "tests":
                self.other_tests |= set(words[1:])
            elif words[0] == "library" and len(words) >= 5 and words[2] in ("public", "private"):
                self.libraries.append(Library(words[1], words[2] == "public", words[3].split(","), words[4:]))
            else:
                raise SystemExit(f"{where}: expected 'module', 'forbid', 'library' or 'tests' with its arguments, found '{line}'")

    def may_include(self, user, used):
        """"" if module `user` may include module `used`, else the reason."""
        a, b = self.modules[user], self.modules[used]
        if user == used:
            return ""
        if used in a.forbidden:
            return f"'{user}' must never include '{used}'"
        if b.level >= a.level:
            return f"'{user}' (level {a.level}) may only include lower levels, and '{used}' has level {b.level}"
        if a.tower != "app" and b.tower != "both" and a.tower != b.tower:
            return f"'{user}' ({a.tower} tower) may not include '{used}' ({b.tower} tower)"
        return ""

    def library_of(self, header):
        return next((lib for lib in self.libraries if any(fnmatch.fnmatchcase(header, h) for h in lib.headers)), None)

    def may_use(self, module, folder, library):
        """Whether a file of `module` in `folder` (below src/ or include/espalier/) may include `library`."""
        for place in library.places:
            if place in ("any", module, self.modules[module].tower):
                return True
            if "/" in place and (folder == place or folder.startswith(place + "/")):
                return True
        return False


@dataclass
class Include:
    where: str  # file:line
    module: str  # of the including file
    header: str
    used: str  # module included, or "" for a library's header


class Checker:
    def __init__(self, root):
        self.root = Path(root)
        self.table = Table(self.root / "src" / "modules.txt")
        self.findings = []
        self.includes = []  # of modules by modules

    def run(self):
        for top in ("include/espalier", "src"):
            base = self.root / top
            for path in sorted(p for p in base.rglob("*") if p.suffix in SUFFIXES and p.is_file()):
                self.check_file(path, path.relative_to(base), public=top.startswith("include"))
        self.check_tests()
        self.check_cmake()
        return self.findings

    def report(self, where, text):
        self.findings.append(f"{where}: {text}")

    def check_file(self, path, relative, public):
        where = str(path.relative_to(self.root))
        module = relative.parts[0]
        if len(relative.parts) < 2 or module not in self.table.modules:
            return self.report(where, f"'{module}' is no module of src/modules.txt")
        lines = path.read_text(errors="replace").splitlines()
        if len(lines) > MAX_LINES:
            self.report(where, f"{len(lines)} lines; a file tells one story in at most {MAX_LINES}")
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if match:
                self.check_include(path, relative, public, f"{where}:{number}", match)

    def check_include(self, path, relative, public, where, match):
        header = match.group(2)
        if header is None:
            return self.report(where, f"an #include of a macro cannot be checked: {match.group(3)}")
        module, folder = relative.parts[0], "/".join(relative.parts[:-1])
        parts = header.split("/")
        if parts[0] == "espalier":
            return self.check_module_include(where, module, header, parts[1])
        if match.group(1) == '"':
            target = self.private_header(path, header)
            if target:
                if public:
                    return self.report(where, f"a public header may not include the private header '{header}'")
                if target.parts[0] != module:
                    return self.report(where, f"'{header}' is private to module '{target.parts[0]}'")
                return None
        if "/" not in header and "." not in header:
            return None  # the C++ standard library
        library = self.table.library_of(header)
        if library is None:
            return self.report(where, f"'{header}' belongs to no module and no library of src/modules.txt")
        if public and not library.public:
            return self.report(where, f"'{header}' ({library.name}) may not stand in a public header")
        if not self.table.may_use(module, folder, library):
            return self.report(where, f"'{header}' ({library.name}) belongs to {', '.join(library.places)}, not to '{folder}'")
        return None

    def check_module_include(self, where, module, header, used):
        if used not in self.table.modules:
            return self.report(where, f"'{header}': '{used}' is no module of src/modules.txt")
        if not (self.root / "include" / header).is_file():
            self.report(where, f"'{header}' does not exist below include/")
        self.includes.append(Include(where, module, header, used))
        reason = self.table.may_include(module, used)
        return self.report(where, reason) if reason else None

    def private_header(self, path, header):
        """The header's path below src/, if the quoted name means a file there."""
        source = (self.root / "src").resolve()
        for base in (path.parent, self.root / "src"):
            candidate = (base / header).resolve()
            if candidate.is_file() and candidate.is_relative_to(source):
                return candidate.relative_to(source)
        return None

    def check_tests(self):
        """Every module with code has tests in tests/<module>/, and every folder there mirrors a module."""
        tests = self.root / "tests"
        for name in self.table.modules:
            has_code = any(p.suffix in SUFFIXES for top in ("include/espalier", "src") for p in (self.root / top / name).rglob("*"))
            if has_code and not any((tests / name).rglob("*_test.cpp")):
                self.report(f"tests/{name}", f"module '{name}' has code but no tests/{name}/*_test.cpp")
        for folder in sorted(p.name for p in tests.glob("*") if p.is_dir() and p.name != "__pycache__"):
            if folder not in self.table.modules and folder not in self.table.other_tests:
                self.report(f"tests/{folder}", "mirrors no module of src/modules.txt")
        for path in sorted(p for p in tests.rglob("*") if p.suffix in SUFFIXES):
            if "TempDir()" in path.read_text(errors="replace"):
                self.report(str(path.relative_to(self.root)), "TempDir() is one folder for all tests that run at a time; derive from TemporaryDirectory")

    def check_cmake(self):
        """DEPENDS of each espalier_module() names exactly the modules that its files include; PRECOMPILED is its tower's set of headers."""
        path = self.root / "src" / "CMakeLists.txt"
        text = re.sub(r"#[^\n]*", "", path.read_text())
        declared = {}
        for name, arguments in re.findall(r"espalier_module\(\s*(\w+)\s*([^)]*)\)", text):
            words = re.split(r"\b(?:LIBRARIES|PUBLIC_LIBRARIES)\b", arguments)[0]
            declared[name] = set(re.sub(r"\bPRECOMPILED\s+\w+|\bSEPARATE_TESTS\b|\bDEPENDS\b", "", words).split())
            headers = re.search(r"\bPRECOMPILED\s+(\w+)", words)
            tower = self.table.modules[name].tower if name in self.table.modules else "both"
            expected = "farm" if tower == "both" else tower
            if headers and headers[1] != expected:
                self.report("src/CMakeLists.txt", f"espalier_module({name} PRECOMPILED {headers[1]} ...): its tower's set is {expected}")
        used = {}
        for include in self.includes:
            if include.used != include.module:
                used.setdefault(include.module, {}).setdefault(include.used, include)
        for name in self.table.modules:
            if name not in declared:
                if any(i.module == name for i in self.includes):
                    self.report("src/CMakeLists.txt", f"has no espalier_module({name} ...)")
                continue
            wanted = used.get(name, {})
            for other in sorted(set(wanted) - declared[name]):
                self.report("src/CMakeLists.txt", f"espalier_module({name} ...) lacks DEPENDS {other}, included at {wanted[other].where}")
            for other in sorted(declared[name] - set(wanted)):
                self.report("src/CMakeLists.txt", f"espalier_module({name} ... DEPENDS {other}): no file of '{name}' includes it")
        for name in sorted(set(declared) - set(self.table.modules)):
            self.report("src/CMakeLists.txt", f"espalier_module({name}) is no module of src/modules.txt")


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    checker = Checker(sys.argv[1])
    findings = checker.run()
    for finding in findings:
        print(finding)
    print(f"{len(checker.includes)} includes between modules, {len(findings)} findings")
    if not checker.includes:
        raise SystemExit(f"{sys.argv[1]}: no #include line found; is this the root of the sources?")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
