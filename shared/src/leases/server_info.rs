//! What a server of Redis tells of itself by `INFO`.

/// A field of an `INFO`.
pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// What a server is loaded with.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ServerLoad {
    /// Bytes that it has allocated.
    pub memory_bytes: u64,
    /// Of these, bytes of the data set.
    pub dataset_bytes: u64,
    /// Seconds of CPU since its start.
    pub cpu_seconds: f64,
}

impl ServerLoad {
    /// Reads an `INFO`; what is not told counts as nothing.
    #[must_use]
    pub fn of_info(info: &str) -> Self {
        let bytes = |name| field(info, name).and_then(|text| text.parse().ok()).unwrap_or_default();
        let seconds = |name| field(info, name).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
        Self {
            memory_bytes: bytes("used_memory"),
            dataset_bytes: bytes("used_memory_dataset"),
            cpu_seconds: seconds("used_cpu_sys") + seconds("used_cpu_user"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_apart_by_their_whole_names() {
        let info = "# Memory\r\nused_memory_dataset:40\r\nused_memory:100\r\nused_cpu_sys:0.25\r\nused_cpu_user:1.5\r\n";
        let load = ServerLoad { memory_bytes: 100, dataset_bytes: 40, cpu_seconds: 1.75 };
        assert_eq!(ServerLoad::of_info(info), load);
        assert_eq!(field(info, "used_memory_data"), None);
        assert_eq!(ServerLoad::of_info(""), ServerLoad::default());
    }
}
