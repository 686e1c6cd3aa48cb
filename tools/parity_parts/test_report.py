"""`python3 -m unittest discover -s tools -t tools`"""

import unittest

from parity_parts import report
from parity_parts.measure import Measured
from parity_parts.sides import Ran
from parity_parts.test_transcripts import transcript
from parity_parts.transcripts import compare

YARDSTICK = transcript((" one two three four", 0, 2))
WORSE = transcript((" one two free four", 0, 2.5))


def cells(text, name):
    return [cell.strip() for cell in next(line for line in text.splitlines() if line.startswith(f"| {name} ")).split("|")[1:-1]]


class ReportTest(unittest.TestCase):
    def test_each_row_has_as_many_cells_as_the_head(self):
        comparisons = [compare("same", YARDSTICK, YARDSTICK), compare("worse", YARDSTICK, WORSE), compare("gone", YARDSTICK, None)]
        ran = Ran(Measured(0, 0.0, 10.0, 18.0, 10**9), {}, 1.0, None)
        tables = [
            report.exact("tiny.en", "sequential", None, comparisons),
            report.exact("tiny.en", "words", "en", comparisons),
            report.batched("tiny.en", "batched", None, [(c, c) for c in comparisons]),
            report.speed([("tiny.en", "words", 3, 30.0, ran, ran)]),
        ]
        for table in tables:
            rows = [line for line in table.splitlines() if line.startswith("|")]
            self.assertEqual(len({row.replace("\\|", "").count("|") for row in rows}), 1, table)

    def test_what_differs_is_shown_and_counted(self):
        text = report.exact("tiny.en", "words", None, [compare("same", YARDSTICK, YARDSTICK), compare("worse", YARDSTICK, WORSE)])
        self.assertIn("Text the same in 1 of 2 recordings", text)
        self.assertIn("largest error rate 25.0%", text)
        self.assertIn("- worse: two [-three-] {+free+}", text)
        self.assertEqual(cells(text, "same")[2:4], ["same", "0"])
        self.assertEqual(cells(text, "worse")[2:4], ["differs", "25.0%"])

    def test_batched_tells_where_steno_is_worse_than_the_reference_s_batched(self):
        same, worse = compare("a", YARDSTICK, YARDSTICK), compare("a", YARDSTICK, WORSE)
        self.assertEqual(cells(report.batched("base", "batched", None, [(worse, same)]), "a")[2:5], ["25.0%", "0", "yes"])
        self.assertEqual(cells(report.batched("base", "batched", None, [(same, worse)]), "a")[2:5], ["0", "25.0%", "no"])
        self.assertIn("no worse in 0 of 1", report.batched("base", "batched", None, [(same, worse)]))

    def test_many_equal_recordings_take_no_rows(self):
        many = [compare(f"r{n}", YARDSTICK, YARDSTICK) for n in range(30)] + [compare("worse", YARDSTICK, WORSE)]
        text = report.exact("tiny.en", "sequential", None, many)
        self.assertIn("Not listed: 30 recordings", text)
        self.assertEqual(cells(text, "worse")[2], "differs")

    def test_ratios_are_steno_by_reference(self):
        slow, fast = (Ran(Measured(0, 0.0, wall, wall, 10**9), {}, 1.0, 1.0) for wall in (20.0, 10.0))
        row = cells(report.speed([("base", "batched", 2, 60.0, slow, fast)]), "base")
        self.assertEqual(row[3:5], ["20.0 / 10.0", "0.50"])


if __name__ == "__main__":
    unittest.main()
