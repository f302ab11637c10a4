//! A socket whose peer may not be silent for ever: the head of a request has a time, and what is
//! written must be taken.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

use super::{activity::Activity, pace::Pace};

/// The socket of one connection.
pub struct Guarded<S> {
    socket: S,
    activity: Arc<Activity>,
    header_time: Duration,
    /// When the head that has begun must be whole, and how many requests had come before it.
    head: Option<(Instant, u64)>,
    timer: Pin<Box<Sleep>>,
    pace: Pace,
    /// Since when the peer takes nothing.
    stuck: Option<Instant>,
}

impl<S> Guarded<S> {
    /// A connection that has just been accepted: its first head is due.
    pub fn new(socket: S, activity: Arc<Activity>, header_time: Duration, pace: Pace) -> Self {
        let due = Instant::now() + header_time;
        Self {
            socket,
            activity,
            header_time,
            head: Some((due, 0)),
            timer: Box::pin(tokio::time::sleep_until(due)),
            pace,
            stuck: None,
        }
    }

    /// Ready when the moment has come.
    fn is_over(&mut self, at: Instant, cx: &mut Context<'_>) -> bool {
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        self.timer.as_mut().poll(cx).is_ready()
    }

    /// What a write has come to: progress, or none for too long.
    fn paced<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        bytes: impl Fn(&T) -> usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        match outcome {
            Poll::Ready(Ok(done)) => {
                if let Some(since) = self.stuck.take() {
                    self.pace.moved(since.elapsed(), bytes(&done));
                }
                Poll::Ready(Ok(done))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let since = *self.stuck.get_or_insert_with(Instant::now);
                if self.is_over(since + self.pace.left(), cx) {
                    return Poll::Ready(Err(too_slow("the peer takes no answer")));
                }
                Poll::Pending
            }
        }
    }
}

fn too_slow(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(cx, buf);
        let (busy, served) = this.activity.now();
        if busy > 0 || this.head.is_some_and(|(_, requests)| requests != served) {
            this.head = None; // the head is whole; bodies have times of their own
        }
        if read.is_pending() {
            // A stuck write has the timer for itself.
            if busy == 0
                && this.stuck.is_none()
                && let Some((due, _)) = this.head
                && this.is_over(due, cx)
            {
                return Poll::Ready(Err(too_slow("the head of a request did not come")));
            }
            return Poll::Pending;
        }
        ready!(read)?;
        if busy == 0 && buf.filled().len() > before && this.head.is_none() {
            this.head = Some((Instant::now() + this.header_time, served));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.paced(written, |n| *n, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.paced(written, |n| *n, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.socket).poll_flush(cx);
        self.paced(flushed, |()| 0, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.socket).poll_shutdown(cx);
        self.paced(shut, |()| 0, cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn pair() -> (
        Guarded<tokio::io::DuplexStream>,
        tokio::io::DuplexStream,
        Arc<Activity>,
    ) {
        let (near, far) = tokio::io::duplex(1024);
        let activity = Activity::new();
        let second = Duration::from_secs(1);
        let pace = Pace::new(30 * second, 1024);
        (
            Guarded::new(near, Arc::clone(&activity), 10 * second, pace),
            far,
            activity,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_time_however_it_trickles() {
        let (mut near, mut far, activity) = pair();
        let started = Instant::now();
        tokio::spawn(async move {
            while far.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        });
        let mut buf = [0; 16];
        let error = loop {
            match near.read(&mut buf).await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed().as_secs(), 10);
        drop(activity);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_under_way_may_wait() {
        let (mut near, mut far, activity) = pair();
        far.write_all(b"x").await.unwrap();
        near.read_exact(&mut [0]).await.unwrap();
        let request = activity.begin();
        let long = tokio::time::timeout(Duration::from_mins(2), near.read(&mut [0])).await;
        assert!(long.is_err(), "nothing came, and nothing was cut");
        drop(request);
        // Between requests the head has not begun; then it has its time again.
        let long = tokio::time::timeout(Duration::from_mins(2), near.read(&mut [0])).await;
        assert!(long.is_err());
        far.write_all(b"x").await.unwrap();
        near.read_exact(&mut [0]).await.unwrap();
        let error = near.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_must_be_taken() {
        for (takes, cut_after) in [(0, 30), (10, 30), (2048, 0)] {
            let (mut near, mut far, activity) = pair();
            let _request = activity.begin();
            let started = Instant::now();
            let reader = tokio::spawn(async move {
                let mut buf = vec![0; takes.max(1)];
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    if takes > 0 && far.read(&mut buf).await.is_err() {
                        break;
                    }
                }
            });
            let written = near.write_all(&vec![0; 100_000]).await;
            reader.abort();
            assert_eq!(written.is_err(), cut_after > 0, "{takes} a second");
            if cut_after > 0 {
                let took = started.elapsed().as_secs();
                assert!((cut_after..cut_after + 3).contains(&took), "{took} s");
            }
        }
    }
}
