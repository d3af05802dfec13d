//! The hub's entrances as a whole: opened, closed with every connection inside, and opened again at the same addresses.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::connection::Context;
use super::entrance::{self, Entrance};
use super::error::HubError;

/// Where the hub listens, and who serves there while it is open. Dropped, it closes.
pub(crate) struct Door {
    /// Every entrance with its port as it was taken.
    entrances: Vec<(SocketAddr, Entrance)>,
    state: Mutex<State>,
}

struct State {
    context: Context,
    serving: Option<Serving>,
}

struct Serving {
    stop: oneshot::Sender<()>,
    accepting: JoinHandle<()>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door")
            .field("entrances", &self.entrances)
            .finish_non_exhaustive()
    }
}

impl Door {
    /// Serves at these listeners from now on.
    pub(crate) fn open(
        listeners: Vec<(TcpListener, Entrance)>,
        context: Context,
    ) -> Result<Self, HubError> {
        let mut entrances = Vec::new();
        for (listener, entrance) in &listeners {
            let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
            entrances.push((local_address(listener, unknown)?, *entrance));
        }
        let serving = Some(serve(listeners, context.clone()));
        Ok(Self {
            entrances,
            state: Mutex::new(State { context, serving }),
        })
    }

    /// Stops listening and drops every connection; returns when all are gone.
    pub(crate) async fn close(&self) {
        let serving = self.lock().serving.take();
        if let Some(Serving { stop, accepting }) = serving {
            // The task may have ended already; there is then nothing to stop.
            let _ended = stop.send(());
            let _joined = accepting.await;
        }
    }

    /// Listens again at the same addresses; nothing happens where it is open.
    ///
    /// # Errors
    /// An address was taken meanwhile.
    pub(crate) async fn reopen(&self) -> Result<(), HubError> {
        if self.lock().serving.is_some() {
            return Ok(());
        }
        let mut listeners = Vec::new();
        for (address, entrance) in &self.entrances {
            listeners.push((bind(*address).await?, *entrance));
        }
        let mut state = self.lock();
        let context = state.context.clone();
        state.serving = Some(serve(listeners, context));
        Ok(())
    }

    /// Whoever comes in through a door that is opened from now on meets this certificate.
    pub(crate) fn show(&self, acceptor: TlsAcceptor) {
        self.lock().context.acceptor = acceptor;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(serving) = self.lock().serving.take() {
            serving.accepting.abort();
        }
    }
}

pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, HubError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| HubError::Listen { address, source })
}

/// Takes the address of an entrance, where one is wanted; the address with its port.
pub(crate) async fn listen(
    listeners: &mut Vec<(TcpListener, Entrance)>,
    wanted: Option<SocketAddr>,
    entrance: Entrance,
) -> Result<Option<SocketAddr>, HubError> {
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    let listener = bind(wanted).await?;
    let address = local_address(&listener, wanted)?;
    listeners.push((listener, entrance));
    Ok(Some(address))
}

pub(crate) fn local_address(
    listener: &TcpListener,
    asked: SocketAddr,
) -> Result<SocketAddr, HubError> {
    listener.local_addr().map_err(|source| HubError::Listen {
        address: asked,
        source,
    })
}

fn serve(listeners: Vec<(TcpListener, Entrance)>, context: Context) -> Serving {
    let (stop, stopped) = oneshot::channel();
    Serving {
        stop,
        accepting: tokio::spawn(accept(listeners, context, stopped)),
    }
}

/// Serves every entrance until `stopped`; then all connections end.
async fn accept(
    listeners: Vec<(TcpListener, Entrance)>,
    context: Context,
    stopped: oneshot::Receiver<()>,
) {
    let places = Arc::new(Semaphore::new(context.shared.mode.connections()));
    let (stop, stopping) = watch::channel(false);
    let mut entrances = JoinSet::new();
    for (listener, entrance) in listeners {
        let (context, places) = (context.clone(), Arc::clone(&places));
        let served = entrance::accept(listener, entrance, context, places, stopping.clone());
        entrances.spawn(served);
    }
    // A sender that is gone stops the hub as well.
    let _stopped = stopped.await;
    stop.send_replace(true);
    while entrances.join_next().await.is_some() {}
}
