//! Numbers of the command line.

pub(super) fn above_zero(text: &str) -> Result<f64, String> {
    match zero_or_more(text)? {
        number if number > 0.0 => Ok(number),
        _ => Err("it must be above 0".to_owned()),
    }
}

pub(super) fn up_to_three(text: &str) -> Result<f64, String> {
    match zero_or_more(text)? {
        number if number <= 3.0 => Ok(number),
        _ => Err("it must be at most 3: by then lengths are guesses".to_owned()),
    }
}

pub(super) fn zero_or_more(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && (0.0..=1e9).contains(&number) => Ok(number),
        _ => Err("a number from 0 to a milliard is wanted".to_owned()),
    }
}
