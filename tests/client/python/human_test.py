# SPDX-License-Identifier: Apache-2.0
"""Human numbers, and questions in them. Values are those of tests/client/config/human_numbers_test.cc where it has them."""

import datetime
import unittest

from proto_shapes import Shapes
import support  # noqa: F401  pylint: disable=unused-import

import rhumb
from rhumb import _question, _settings
from rhumb._human import read_bytes, read_count, read_duration, read_gpus, read_integer, read_number, read_usd

_NOW = datetime.datetime(2026, 11, 28, tzinfo=datetime.timezone.utc)


class NumberTest(unittest.TestCase):
    def test_counts(self):
        for text, value in (("7e9", 7e9), ("350M", 350e6), ("7B", 7e9), ("7b", 7e9), ("1.4T", 1.4e12), ("128K", 128e3), ("1.3B", 1.3e9), (5, 5.0)):
            with self.subTest(text):
                self.assertEqual(read_count(text), value)

    def test_integers_are_exact_beyond_doubles(self):
        self.assertEqual(read_integer("9007199254740993"), 9007199254740993)
        self.assertEqual(read_integer("1.4T"), 1400000000000)

    def test_durations(self):
        for text, value in (("21d", 1814400), ("36h", 129600), ("90m", 5400), ("1h30m", 5400), ("2w", 1209600), ("45s", 45), ("12.5", 12.5), (60, 60)):
            with self.subTest(text):
                self.assertEqual(read_duration(text), value)

    def test_dates_are_the_time_until_then(self):
        self.assertEqual(read_duration("2026-12-01", _NOW), 3 * 86400)
        self.assertEqual(read_duration("2026-11-28T18:30", _NOW), 18.5 * 3600)
        self.assertEqual(read_duration(datetime.timedelta(days=2)), 2 * 86400)

    def test_bytes(self):
        for text, value in (("80GiB", 80 * 2**30), ("80GB", 80e9), ("512B", 512), ("7", 7)):
            with self.subTest(text):
                self.assertEqual(read_bytes(text), value)

    def test_dollars(self):
        for text, value in (("$25k", 25000), ("$1.5M", 1.5e6), ("25000", 25000), ("$2.5", 2.5)):
            with self.subTest(text):
                self.assertEqual(read_usd(text), value)

    def test_gpus(self):
        self.assertEqual(read_gpus("256xH100-SXM5-80GB"), {"gpu_type": "H100-SXM5-80GB", "count": 256})
        self.assertEqual(read_gpus("8xA100@$2.5")["price_usd_per_gpu_hour"], 2.5)

    def test_what_is_none_is_refused_with_the_text_and_the_forms(self):
        for read, text in (
            (read_count, ""), (read_count, "-1"), (read_count, "7X"), (read_count, "7e9B"), (read_count, "1e999"), (read_count, True),
            (read_count, float("nan")), (read_integer, "1.5"), (read_integer, "1e19"), (read_integer, 2.5), (read_number, "1B"),
            (read_duration, "1h30"), (read_duration, "30m1h"), (read_duration, "0d"), (read_duration, "2026-02-30"), (read_duration, "2001-01-01"),
            (read_bytes, "80G"), (read_usd, "25k$"), (read_gpus, "H100"), (read_gpus, "0xH100"), (read_gpus, 8),
        ):  # fmt: skip
            with self.subTest("%s %r" % (read.__name__, text)):
                with self.assertRaisesRegex(ValueError, "expected .*, got "):
                    read(text)


class QuestionTest(unittest.TestCase):
    def test_reads_the_words_of_the_command_line(self):
        self.assertEqual(
            _question.read_question({"gpus": "256xH100-SXM5-80GB", "deadline": "21d", "params": "7B", "objective": "lifetime-cost"}),
            {
                "gpu_pools": [{"gpu_type": "H100-SXM5-80GB", "count": 256}],
                "deadline_seconds": 1814400.0,
                "param_count": 7000000000,
                "objective": "LIFETIME_COST",
            },
        )

    def test_parts_of_a_layout_are_words_of_their_own(self):
        self.assertEqual(
            _question.read_question({"tensor_parallel_size": 4, "layout": {"zero_stage": 1}, "recompute": "full"}),
            {"layout": {"tensor_parallel_size": 4, "zero_stage": 1, "recompute": "FULL"}},
        )

    def test_details_of_pools_go_to_each_that_lacks_them(self):
        pools = _question.read_question({"gpus": ["8xA100", {"gpu_type": "B", "count": 1, "gpus_per_node": 2}], "gpus_per_node": 4})["gpu_pools"]
        self.assertEqual([pool["gpus_per_node"] for pool in pools], [4, 2])

    def test_every_wrong_field_is_named_at_once(self):
        with self.assertRaises(rhumb.InvalidArgument) as caught:
            _question.read_question({"deadline": "soon", "colour": "red", "zero_stage": "x", "params": "7B", "param_count": 7})
        self.assertEqual(
            [violation.field for violation in caught.exception.field_violations],
            ["deadline_seconds", "colour", "layout.zero_stage", "param_count"],
        )

    def test_knows_exactly_the_fields_of_the_api(self):
        messages = Shapes().messages
        self.assertEqual(set(_question._FIELDS), set(messages["CreatePlanRequest"]))
        self.assertEqual(set(_question._LAYOUT_FIELDS), set(messages["LayoutConstraints"]))
        self.assertEqual(set(_settings._FIELDS), set(messages["RunSettings"]))

    def test_shorter_words_are_of_known_fields(self):
        self.assertLessEqual(set(_question._ALIASES.values()), set(_question._FIELDS))
        self.assertLessEqual(set(_settings._ALIASES.values()), set(_settings._FIELDS))


if __name__ == "__main__":
    unittest.main()
