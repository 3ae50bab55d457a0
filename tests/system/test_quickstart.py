"""examples/quickstart.sh, twice, with the programs of its own build."""

import os
import subprocess
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/quickstart.sh")


class Quickstart(unittest.TestCase):
    def run_script(self, directory):
        env = {k: v for k, v in os.environ.items()
               if k not in ("CC", "CFLAGS", "LDFLAGS", "BACKUPAPI_LIBEXECDIR",
                            "LD_LIBRARY_PATH")}
        return subprocess.run([SCRIPT, directory], env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              timeout=600)

    def test_it_works_and_works_again(self):
        with tempfile.TemporaryDirectory(prefix="backupapi-quickstart-") as top:
            directory = os.path.join(top, "with space")
            for _ in range(2):
                done = self.run_script(directory)
                self.assertEqual(done.returncode, 0, done.stdout.decode(errors="replace"))
                self.assertEqual(done.stdout.count(b"\nyes: "), 3)
            self.assertEqual(os.listdir(top), ["with space"])

    def test_a_directory_that_is_not_its_own_is_left_alone(self):
        with tempfile.TemporaryDirectory(prefix="backupapi-quickstart-") as top:
            with open(os.path.join(top, "mine"), "w", encoding="ascii"):
                pass
            self.assertEqual(self.run_script(top).returncode, 1)
            self.assertEqual(os.listdir(top), ["mine"])


if __name__ == "__main__":
    unittest.main()
