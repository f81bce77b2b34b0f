//! Keeps the agent small: it sleeps nearly all the time, on every node.

/// One heap for all threads: glibc makes one for each, and the agent's second thread lives for a probe only.
pub(super) fn keep_small() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes two numbers, and no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives back what a round of probing and writing needed.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim may be called at any time; it takes its own lock.
    unsafe {
        libc::malloc_trim(0);
    }
}
