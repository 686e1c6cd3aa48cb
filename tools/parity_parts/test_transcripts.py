"""`python3 -m unittest discover -s tools -t tools`"""

import unittest

from parity_parts.transcripts import compare


def transcript(*segments, language="en"):
    return {"language": language, "duration": 10.0, "segments": [
        {"text": text, "start": start, "end": end, "temperature": 0.0,
         "words": [{"word": word, "start": start, "end": start + 0.1} for word in text.split()]}
        for text, start, end in segments
    ]}


class CompareTest(unittest.TestCase):
    def test_equal_transcripts_are_equal(self):
        one = transcript((" a b", 0, 1), (" c", 1, 2))
        found = compare("x", one, one)
        self.assertTrue(found.equal)
        self.assertEqual((found.segment_times.compared, found.segment_times.within, found.segment_times.largest), (4, 4, 0))
        self.assertEqual(found.word_times.compared, 6)

    def test_times_are_compared_where_the_text_is_the_same(self):
        found = compare("x", transcript((" a", 0, 1), (" b", 1, 2), (" c", 2, 3)), transcript((" a", 0, 1.02), (" c", 2.5, 3)))
        self.assertFalse(found.equal)
        times = found.segment_times
        self.assertEqual((times.compared, times.possible, times.within, times.largest), (4, 6, 3, 0.5))

    def test_a_missing_transcript_is_told_with_its_reason(self):
        self.assertIn("Steno: no transcript", compare("x", transcript((" a", 0, 1)), None).missing)
        self.assertIn("the reference: boom", compare("x", {"error": "boom"}, transcript()).missing)


if __name__ == "__main__":
    unittest.main()
