"""What the scripts for a newcomer say before they do anything."""
import os
import pathlib
import shutil
import subprocess
import unittest

from harness import Case, ROOT

NOBODY = 65534


class Scripts(Case):
    def call(self, *words, code, **options):
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False, **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_quickstart_refuses_options_before_it_installs_or_builds(self):
        # With nothing on the PATH but what it needs to say so: neither apt-get nor cmake could be called.
        (self.folder / "bin").mkdir()
        for program in ("bash", "dirname", "cat", "env"):
            (self.folder / "bin" / program).symlink_to(shutil.which(program))
        path = dict(os.environ, PATH=str(self.folder / "bin"))
        for words, says in ((["--hlp"], "found '--hlp'"), (["--set"], "--set expects a value"), (["configs/growth.yaml"], "found 'configs/growth.yaml'")):
            done = self.call(ROOT / "jobs" / "quickstart.sh", *words, code=2, env=path)
            self.assertIn(says, done.stderr)
        self.assertIn("--deadline", self.call(ROOT / "jobs" / "quickstart.sh", "--quiet", "--out=x", "--help", code=0, env=path).stdout)

    def test_quickstart_notices_a_missing_file_before_it_installs(self):
        (self.folder / "jobs").mkdir()
        shutil.copy(ROOT / "jobs" / "quickstart.sh", self.folder / "jobs")
        (self.folder / "CMakePresets.json").touch()
        self.assertIn("configs/quickstart.yaml", self.call(self.folder / "jobs" / "quickstart.sh", code=2).stderr)

    def test_an_ordinary_user_is_told_that_the_slurm_box_needs_root(self):
        os.chmod(self.folder, 0o755)
        box = pathlib.Path(shutil.copy(ROOT / "cluster" / "slurm-box.py", self.folder))
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        done = self.call("/usr/bin/python3", box, "--", "true", code=77, **user)  # 77: counted as not run
        self.assertEqual(done.stderr, "slurm-box.py: needs root, to make namespaces and mounts of its own; nothing was run\n")

    def test_the_packages_that_are_listed(self):
        script = ROOT / "cluster" / "install-debian.sh"
        plain = self.call(script, "--list", code=0).stdout.split()
        self.assertLess({"g++", "dataset-fashion-mnist", "python3-h5py"}, set(plain))
        self.assertNotIn("npm", plain)
        everything = self.call(script, "--tests", "--mnist", "--list", code=0).stdout.split()
        self.assertLess(set(plain) | {"npm", "slurmd"}, set(everything))
        self.assertEqual(len(everything), len(set(everything)))


if __name__ == "__main__":
    unittest.main(verbosity=1)
