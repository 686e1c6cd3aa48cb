//! One world of real parts for the scenarios in `tests/`.
