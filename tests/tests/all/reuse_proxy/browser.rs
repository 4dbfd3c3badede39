//! A page with twenty resources, as a browser loads it through the proxy.

use std::collections::BTreeSet;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use super::program::Proxy;
use super::wire::head;
use crate::support::{STUCK, deadline, finished};

const RESOURCES: usize = 20;

/// The page turns green square by square, and says so when each script has run.
fn page() -> String {
    let scripts: String = (0..RESOURCES).map(|number| format!("<script src=\"/{number}.js\"></script>")).collect();
    format!(
        "<!doctype html><title>wait</title><body style=\"margin:0;font:20px monospace\"><div id=\"all\"></div>{scripts}"
    )
}

fn script(number: usize) -> String {
    format!(
        "window.done=(window.done||0)+1;document.title='loaded '+window.done;document.getElementById('all').innerHTML+=\
         '<span style=\"display:inline-block;width:70px;height:70px;margin:4px;background:#2a2;color:#fff\">{number}</span>';"
    )
}

/// A server with a thread for each connection, which it keeps.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(&stream).ok());
        }
    });
    address
}

fn answer(stream: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let request = String::from_utf8_lossy(&head(&mut reader)?).into_owned();
        let Some(path) = request.split(' ').nth(1) else { return Ok(()) };
        let number =
            path.strip_prefix('/').and_then(|path| path.strip_suffix(".js")).and_then(|number| number.parse().ok());
        let (kind, body) = match number {
            Some(number) => ("text/javascript", script(number)),
            None => ("text/html", page()),
        };
        let length = body.len();
        write!(&mut &*stream, "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")?;
    }
}

fn browser() -> Option<&'static str> {
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok())
}

/// `.ci/run` does not install a browser, which is larger than all else that it installs: without one this is skipped
/// there too.
#[test]
fn a_browser_loads_a_page() {
    let Some(browser) = browser() else {
        println!("skipped: there is no Chromium (apt-get install chromium)");
        return;
    };
    let _deadline = deadline("a browser to load a page");
    let proxy = Proxy::start(&["--log"], &[serve()]);
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("browser");
    // What an earlier run has left.
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(&scratch).expect("a directory");
    let (profile, picture) = (format!("--user-data-dir={}", scratch.display()), scratch.join("page.png"));
    let page = format!("http://{}/", proxy.address());
    let run = |what: &str| {
        let mut command = Command::new(browser);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]);
        command.args(["--window-size=420,420", "--virtual-time-budget=20000", &profile, what, &page]);
        finished(&mut command, STUCK, "a page")
    };
    let document = String::from_utf8_lossy(&run("--dump-dom").stdout).into_owned();
    assert!(document.contains(&format!("<title>loaded {RESOURCES}</title>")), "{document}");
    let drawn = run(&format!("--screenshot={}", picture.display()));
    let size = std::fs::metadata(&picture).map_or(0, |file| file.len());
    assert!(size > 1000, "a picture of {size} bytes: {drawn:?}");
    println!("the page as it was drawn: {}", picture.display());
    let rest = proxy.interrupt();
    let paths: BTreeSet<_> =
        rest.iter().filter(|line| line.ends_with(".js 200")).filter_map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(paths.len(), RESOURCES, "{rest:?}");
}
