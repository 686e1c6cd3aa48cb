"""`python3 -m unittest discover -s tools -t tools`"""

import random
import unittest

from parity_parts.distance import distance, error_rate, short_diff


def by_table(a, b):
    """Levenshtein distance by its definition."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


class DistanceTest(unittest.TestCase):
    def test_it_is_the_distance_of_the_definition(self):
        chance = random.Random(7)
        for _ in range(2000):
            a, b = ([chance.choice("abc") for _ in range(chance.randrange(12))] for _ in range(2))
            self.assertEqual(distance(a, b), by_table(a, b), (a, b))

    def test_long_texts_with_few_differences_are_quick(self):
        a = [str(n % 1000) for n in range(100_000)]
        b = a[:50_000] + ["new"] + a[50_000:99_000] + a[99_010:]
        self.assertEqual(distance(a, b), 11)


class ErrorRateTest(unittest.TestCase):
    def test_words_count_without_case_and_punctuation(self):
        self.assertEqual(error_rate(" And so, my fellow.", "and so my FELLOW", "en"), 0)
        self.assertEqual(error_rate("one two three four", "one too three four", "en"), 0.25)
        self.assertEqual(error_rate("don't", "dont", "en"), 1)

    def test_characters_count_where_words_are_not_set_apart(self):
        self.assertEqual(error_rate("砸自己的脚。", "砸自己得脚", "zh"), 0.2)

    def test_text_where_there_should_be_none_is_all_wrong(self):
        self.assertEqual(error_rate("", "you", "en"), 1)
        self.assertEqual(error_rate("", "", "en"), 0)


class ShortDiffTest(unittest.TestCase):
    def test_it_shows_what_differs_with_the_word_before(self):
        self.assertEqual(short_diff("a b c d", "a b x d e", "en"), "b [-c-] {+x+}; d {+e+}")
        self.assertEqual(short_diff("a  b", "a b", "en"), "")


if __name__ == "__main__":
    unittest.main()
