//! The environment of every worker process, on this machine or in a pod.

/// What makes glibc keep the memory that a worker frees: by default each batch's buffers go back to the system and come again
/// page by page, which took a sixth of a worker's CPU time.
pub(crate) const KEEP_MEMORY: [(&str, &str); 4] = [
    // From the heap up to 32 MiB, the most that glibc takes: with larger ones it would fragment by half its size.
    ("MALLOC_MMAP_THRESHOLD_", "33554432"),
    // One heap for all threads: what one freed serves another.
    ("MALLOC_ARENA_MAX", "1"),
    // The heap grows by 64 MiB and shrinks by no less than 4 GiB.
    ("MALLOC_TOP_PAD_", "67108864"),
    ("MALLOC_TRIM_THRESHOLD_", "4294967296"),
];
