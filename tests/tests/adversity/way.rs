//! The ways to hub and engine, carried through here so that each can be closed, cut, or left without an answer at any moment.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Between two looks whether somebody listens again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What becomes of a connection. A change of it cuts those that there are, but for [`Way::Silent`], which leaves them open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is carried to where it was meant to go.
    Open,
    /// The same, and while nobody listens there it waits in line, as at a socket that systemd holds for a service (systemd.socket(5)).
    InLine,
    /// It is carried to another port.
    To(u16),
    /// Nobody listens.
    Refused,
    /// It is taken and reset at once.
    Reset,
    /// It is taken, and nothing is ever answered; those that there are stand still.
    Silent,
}

/// One way; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Gate {
    way: watch::Sender<Way>,
    carrying: JoinHandle<()>,
}

impl Gate {
    /// From an address of this machine to a port of it.
    pub(crate) fn tcp(from: SocketAddr, to: u16) -> Gate {
        let (way, ways) = watch::channel(Way::Open);
        let carrying = tokio::spawn(async move {
            let mut closed = ways.clone();
            loop {
                let listener = TcpListener::bind(from).await.expect("the address is ours");
                while *closed.borrow_and_update() != Way::Refused {
                    tokio::select! {
                        Ok((near, _)) = listener.accept() => {
                            tokio::spawn(take_tcp(near, to, ways.clone()));
                        }
                        changed = closed.changed() => if changed.is_err() { return },
                    }
                }
                drop(listener);
                if closed.wait_for(|way| *way != Way::Refused).await.is_err() {
                    return;
                }
            }
        });
        Gate { way, carrying }
    }

    /// From a socket in a directory to another socket.
    pub(crate) fn unix(from: PathBuf, to: PathBuf) -> Gate {
        let (way, ways) = watch::channel(Way::Open);
        let carrying = tokio::spawn(async move {
            let mut closed = ways.clone();
            loop {
                let listener = UnixListener::bind(&from).expect("the socket is ours");
                while *closed.borrow_and_update() != Way::Refused {
                    tokio::select! {
                        Ok((near, _)) = listener.accept() => {
                            let (to, ways) = (to.clone(), ways.clone());
                            tokio::spawn(async move { take_unix(near, &to, ways).await });
                        }
                        changed = closed.changed() => if changed.is_err() { return },
                    }
                }
                drop(listener);
                std::fs::remove_file(&from).expect("it was bound there");
                if closed.wait_for(|way| *way != Way::Refused).await.is_err() {
                    return;
                }
            }
        });
        Gate { way, carrying }
    }

    /// From now on.
    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn take_tcp(near: TcpStream, to: u16, ways: watch::Receiver<Way>) {
    let way = *ways.borrow();
    let port = match way {
        Way::Open | Way::InLine => to,
        Way::To(port) => port,
        Way::Reset => return reset(&near),
        Way::Refused => return,
        Way::Silent => return until_other(ways, Way::Silent).await,
    };
    let Ok(mut near) = no_delay(near) else { return };
    let far = TcpStream::connect(("127.0.0.1", port)).await;
    if let Ok(mut far) = far.and_then(no_delay) {
        let end = carry(&mut near, &mut far, ways).await;
        if end == Some(Way::Reset) {
            reset(&near);
        }
    }
}

async fn take_unix(mut near: UnixStream, to: impl AsRef<Path> + Copy, ways: watch::Receiver<Way>) {
    let way = *ways.borrow();
    if way == Way::Silent {
        return until_other(ways, Way::Silent).await;
    }
    loop {
        if let Ok(mut far) = UnixStream::connect(to).await {
            carry(&mut near, &mut far, ways).await;
            return;
        }
        if *ways.borrow() != Way::InLine {
            return;
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn no_delay(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Lets the kernel say RST instead of FIN when it is dropped.
fn reset(stream: &TcpStream) {
    stream
        .set_zero_linger()
        .expect("a socket takes this option");
}

/// Carries both ways until the connection ends or the way changes, and to which.
async fn carry<A, B>(near: &mut A, far: &mut B, mut ways: watch::Receiver<Way>) -> Option<Way>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let began = *ways.borrow();
    tokio::select! {
        _ended = copy_bidirectional(near, far) => return None,
        changed = ways.wait_for(|way| *way != began) => if changed.is_err() { return None },
    }
    let now = *ways.borrow();
    if now == Way::Silent {
        until_other(ways, Way::Silent).await;
    }
    Some(now)
}

async fn until_other(mut ways: watch::Receiver<Way>, from: Way) {
    // A gate that is gone ends it as well.
    let _ = ways.wait_for(|way| *way != from).await;
}
