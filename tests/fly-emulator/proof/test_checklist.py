import os
import re
import subprocess
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("FLAME_FLY_EMULATOR", "flame-fly-emulator")


def tests():
    """Every test by the name that the checklist uses."""
    found = set()
    for suite in unittest.TestLoader().discover(HERE):
        for part in suite:
            for test in part:
                found.add(test.id())
    return found


def faults(text, known):
    """What is wrong with a checklist."""
    rows = dict(re.findall(r"^\| (\d+) \| (.*?) *\|$", text, re.M))
    out = [f"row {n} is missing" for n in range(1, 87) if str(n) not in rows]
    for number, cell in rows.items():
        named = re.findall(r"`([^`]+)`", cell)
        out += [f"row {number} names {name}, which is no test" for name in named if name not in known]
        if not named and len(cell) < 20:
            out.append(f"row {number} has neither a test nor a reason")
    return out


class Checklist(unittest.TestCase):
    def test_rows(self):
        with open(os.path.join(HERE, "..", "CHECKLIST.md"), encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(faults(text, tests()), [])

    def test_it_finds_faults(self):
        rows = {n: "`known.A.test_a`" for n in range(1, 87)}
        rows[3], rows[4] = "", "`known.A.test_b`"
        del rows[5]
        text = "\n".join(f"| {n} | {cell} |" for n, cell in rows.items())
        self.assertEqual(faults(text, {"known.A.test_a"}),
                         ["row 5 is missing", "row 3 has neither a test nor a reason", "row 4 names known.A.test_b, which is no test"])


class Help(unittest.TestCase):
    def help(self):
        return subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout

    def page(self):
        with open(os.path.join(HERE, "..", "..", "..", "man", "flame-fly-emulator.1.scd"), encoding="utf-8") as file:
            return file.read()

    def test_fits_a_screen(self):
        lines = self.help().splitlines()
        self.assertLessEqual(len(lines), 32)
        self.assertLessEqual(max(map(len, lines)), 80)

    def test_man_page_has_each_option(self):
        told = set(re.findall(r"--[a-z-]+", self.help()))
        described = set(re.findall(r"^\*(?:-q\*, \*)?(--[a-z-]+)\*", self.page(), re.M))
        self.assertEqual(told, described)

    def test_man_page_has_each_setting_and_fault(self):
        page = self.page()
        source = os.path.join(HERE, "..")
        with open(os.path.join(source, "settings.cpp"), encoding="utf-8") as file:
            names = re.findall(r'Named\{"(\w+)"', file.read())
        with open(os.path.join(source, "faults.cpp"), encoding="utf-8") as file:
            kinds = re.findall(r'"(\w+)"', re.search(r"kKinds = \{(.*?)\};", file.read(), re.S)[1])
        for name in names + kinds:
            self.assertIn(f"*{name}*", page)

    def test_wrong_options(self):
        for options in (["--nonsense"], ["operand"], ["--set", "x=1"], ["--set", "pull_ms"], ["--port", "x"], ["--image", "x"], ["--image", "x=/no/such"],
                        ["--fault", "{"], ["--fault", '{"kind":"x"}'], ["--listen", "0.0.0.0"]):
            done = subprocess.run([PROGRAM, *options], capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 2, (options, done))
            self.assertTrue(done.stderr.startswith("flame-fly-emulator: ") or "option" in done.stderr, done.stderr)
            self.assertEqual(done.stdout, "")
