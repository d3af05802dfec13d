//! Many at once: connections that say nothing, and one that goes on talking beside them.

use std::io::ErrorKind;
use std::time::Duration;

use standin::hub::{Identity, Mode};
use tokio::net::TcpStream;

use super::client::{Bench, publish};
use super::{EVENTS, PUBACK};

/// More than edgeHub has places for, and fewer than a process may usually have open.
const CROWD: usize = 700;

/// Ends by itself: a hub that keeps them all waiting fails by the test's time limit.
#[tokio::test]
async fn a_crowd_that_says_nothing_does_not_disturb_who_talks() {
    let bench = Bench::new(Mode::EdgeHub, Identity::module("d1", "m1")).await;
    let mut good = bench.connected().await;
    let mut silent = Vec::new();
    for _ in 0..CROWD {
        silent.push(TcpStream::connect(bench.hub.address()).await.unwrap());
    }
    for _ in 0..10 {
        good.send(&publish(2, EVENTS, b"still here")).await;
        assert_eq!(good.packet().await.as_deref(), Some(&PUBACK[..]));
    }
    // Who found no place is dropped at once and not kept waiting: the hub holds no memory for it.
    let is_open = |one: &TcpStream| {
        let read = one.try_read(&mut [0]);
        read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    let mut dropped = 0;
    while dropped < CROWD - 128 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        dropped = silent.iter().filter(|one| !is_open(one)).count();
    }
}
