//! Frames that were written with success, and what of them comes to the peer when the writer closes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Builder;
use tokio::time::Instant;

use super::contenders::{Contender, LengthDelimited, Ours, registered, usual_pair};

const RUNS: usize = 20;
const FRAMES: usize = 40;
const LENGTH: usize = 64 * 1024;

/// What the peer does.
#[derive(Clone, Copy, Debug)]
enum Peer {
    /// It says nothing and reads.
    Quiet,
    /// It has said something that the writer has not read.
    Talked,
    /// It talks all the while.
    Talks,
    /// It has talked, and never reads; what has come to it is counted in the end.
    Stuck,
}

/// How a writer says that it is done: whether everything has arrived, as far as it can say.
#[derive(Clone, Copy, Debug)]
enum Writer {
    Ours,
    Codec,
    Raw,
}

/// How many frames come to the peer.
fn peer(kind: Peer, stream: TcpStream) -> thread::JoinHandle<usize> {
    let mut stream = stream;
    thread::spawn(move || {
        if !matches!(kind, Peer::Quiet) {
            stream.write_all(&[0, 0, 0, 1, 0, 0, 0, 0]).expect("there is room");
        }
        let mut talker = stream.try_clone().expect("there are descriptors");
        let talk = thread::spawn(move || {
            if matches!(kind, Peer::Talks) {
                while talker.write_all(&[0, 0, 0, 1, 0, 0, 0, 0].repeat(1000)).is_ok() {}
            }
        });
        if matches!(kind, Peer::Stuck) {
            thread::sleep(Duration::from_millis(400));
        }
        let (mut bytes, mut chunk) = (0, vec![0; LENGTH]);
        while let Ok(read @ 1..) = stream.read(&mut chunk) {
            bytes += read;
        }
        let _ = stream.shutdown(std::net::Shutdown::Both);
        talk.join().expect("it does not panic");
        bytes / (LENGTH + 8)
    })
}

/// How many frames were written with success, and whether the end was said to be good.
async fn write(writer: Writer, stream: TcpStream) -> (usize, bool) {
    let payload = Bytes::from(vec![1; LENGTH]);
    let stream = registered(stream);
    // Until the peer's word is there, whoever it is that does not read it.
    match writer {
        Writer::Ours => {
            let mut ours = Ours::new(stream);
            for _ in 0..FRAMES {
                ours.send(&payload).await;
            }
            let outcome = ours.0.shutdown(Instant::now() + Duration::from_millis(300)).await;
            (FRAMES, outcome.is_clean())
        }
        Writer::Codec => {
            let mut codec = LengthDelimited::new(stream);
            for _ in 0..FRAMES {
                codec.send(&payload).await;
            }
            (FRAMES, SinkExt::<Bytes>::close(&mut codec.0).await.is_ok())
        }
        Writer::Raw => {
            let mut stream = stream;
            for _ in 0..FRAMES {
                stream.write_u64(LENGTH as u64).await.expect("the peer is there");
                stream.write_all(&payload).await.expect("the peer is there");
            }
            (FRAMES, stream.shutdown().await.is_ok())
        }
    }
}

pub(crate) fn print() {
    println!("\nframes that were written with success, of which so many came to the peer; shutdowns that said so\n");
    println!("| the peer | handfast | tokio-util | raw loop |");
    println!("|---|---|---|---|");
    let runtime = Builder::new_current_thread().enable_all().build().expect("there are threads");
    for kind in [Peer::Quiet, Peer::Talked, Peer::Talks, Peer::Stuck] {
        let cells: Vec<String> = [Writer::Ours, Writer::Codec, Writer::Raw]
            .into_iter()
            .map(|writer| {
                let (mut written, mut delivered, mut good, mut lies) = (0, 0, 0, 0);
                for _ in 0..RUNS {
                    let (near, far) = usual_pair();
                    let peer = peer(kind, far);
                    let (frames, is_good) = runtime.block_on(write(writer, near));
                    let came = peer.join().expect("it does not panic");
                    written += frames;
                    delivered += came.min(frames);
                    good += usize::from(is_good);
                    lies += usize::from(is_good && came < frames);
                }
                format!("{delivered} of {written}; {good} said Ok, {lies} of them wrongly")
            })
            .collect();
        println!("| {kind:?} | {} |", cells.join(" | "));
    }
}
