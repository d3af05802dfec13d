//! The adapter against a real engine. Needs one behind `/var/run/docker.sock` and Debian's `busybox-static`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod busybox;
mod failures;
mod life;
mod lock;
mod sweep;
