//! A signal that asks this program to end, heard by whatever waits: so that what is half made is removed by its maker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Whether the program was asked to end.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on; SIGINT, SIGTERM and SIGHUP no longer end the program by themselves.
    ///
    /// # Errors
    /// Signals cannot be heard.
    pub(super) fn listen() -> anyhow::Result<Interrupt> {
        let heard = Interrupt::default();
        let asked = heard.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("start the runtime")?;
        let (mut interrupt, mut terminate, mut hang_up) = {
            let _inside = runtime.enter();
            (
                signal(SignalKind::interrupt()).context("listen for SIGINT")?,
                signal(SignalKind::terminate()).context("listen for SIGTERM")?,
                signal(SignalKind::hangup()).context("listen for SIGHUP")?,
            )
        };
        std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                }
            });
            asked.0.store(true, Ordering::Relaxed);
        });
        Ok(heard)
    }

    /// Goes on, unless the program was asked to end.
    ///
    /// # Errors
    /// It was.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.0.load(Ordering::Relaxed) {
            anyhow::bail!("interrupted; nothing half made is left");
        }
        Ok(())
    }

    /// A short wait between two looks at something.
    ///
    /// # Errors
    /// The program was asked to end.
    pub(super) fn pause(&self) -> anyhow::Result<()> {
        std::thread::sleep(Duration::from_millis(100));
        self.check()
    }
}
