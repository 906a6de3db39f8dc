//! A headless Chromium, driven through the DevTools protocol over a pair of pipes: JSON, each message ended by a zero
//! byte. No port is opened and no driver is needed.

use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long an answer may take; machines of continuous integration are slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page; ended when dropped.
pub(crate) struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    last: u64,
    session: Option<String>,
    /// What the page reported of itself since it was opened: method and parameters.
    pub(crate) events: Vec<(String, Value)>,
    _folder: tempfile::TempDir,
}

/// The browser of this machine. Where there is none, says so and yields nothing, unless `NARROWS_REQUIRE_BROWSER=1`.
pub(crate) fn find() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        names.iter().find_map(|name| std::env::split_paths(&path).map(|p| p.join(name)).find(|file| file.is_file()));
    if found.is_none() {
        let required = std::env::var_os("NARROWS_REQUIRE_BROWSER").is_some_and(|v| v == "1");
        assert!(!required, "NARROWS_REQUIRE_BROWSER=1, but none of {names:?} is in PATH");
        // Not by a macro, whose lines the test runner keeps to itself.
        let _ =
            writeln!(std::io::stderr(), "SKIPPED: the report is not tested in a browser, none of {names:?} is in PATH");
    }
    found
}

impl Browser {
    /// Starts the browser with an empty page of this size.
    pub(crate) fn start(program: &Path, width: u32, height: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pipes = ["in", "out"].map(|name| folder.path().join(name));
        assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
        // Opened for both directions, opening does not wait for the other side; answers are waited for with a limit.
        let [to, from] = [0, 1].map(|i| OpenOptions::new().read(true).write(true).open(&pipes[i]).unwrap());
        let child = Command::new("sh")
            .args(["-c", r#"exec "$@" 3<"$PIPE_IN" 4>"$PIPE_OUT""#, "sh"])
            .arg(program)
            .args(["--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu"])
            // As root and in containers, where neither a sandbox nor a large /dev/shm is to be had. The page is ours.
            .args(["--no-sandbox", "--disable-dev-shm-usage"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .env("PIPE_IN", &pipes[0])
            .env("PIPE_OUT", &pipes[1])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("log")).unwrap())
            // A group of its own, so that its helpers end with it.
            .process_group(0)
            .spawn()
            .unwrap();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(from).split(0) {
                let Ok(message) = message else { return };
                let value = serde_json::from_slice(&message).unwrap_or(Value::Null);
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self { child, to, from: receiver, last: 0, session: None, events: vec![], _folder: folder };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached =
            browser.call("Target.attachToTarget", &json!({ "targetId": target["targetId"], "flatten": true }));
        browser.session = attached["sessionId"].as_str().map(String::from);
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser.size(width, height);
        browser
    }

    /// Sets the size of the window, in CSS pixels.
    pub(crate) fn size(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Sets a media feature, such as `prefers-color-scheme`.
    pub(crate) fn prefer(&mut self, feature: &str, value: &str) {
        self.call("Emulation.setEmulatedMedia", &json!({ "features": [{ "name": feature, "value": value }] }));
    }

    /// Opens an address and waits until it has loaded; forgets what earlier pages reported.
    pub(crate) fn open(&mut self, url: &str) {
        // From an empty page, so that an address that differs in its fragment alone loads anew too.
        for url in ["about:blank", url] {
            self.events.clear();
            self.call("Page.navigate", &json!({ "url": url }));
            self.wait("the page has loaded", |b| b.events.iter().any(|(method, _)| method == "Page.loadEventFired"));
        }
    }

    /// Runs an expression in the page and yields its value.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &parameters);
        assert!(answer["exceptionDetails"].is_null(), "{expression}\n{}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(crate) fn until(&mut self, expression: &str) {
        self.wait(expression, |b| b.value(expression) == true);
    }

    /// Presses and releases a key, such as `ArrowLeft`, `Tab` or a space.
    pub(crate) fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            " " => 32,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            other => panic!("no code is known for the key {other:?}"),
        };
        let name = if key == " " { "Space" } else { key };
        let text = if key == " " { " " } else { "" };
        let kind = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        for kind in [kind, "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": name, "windowsVirtualKeyCode": code, "text": text });
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Moves the mouse to a place of the window; with `click`, presses and releases its first button there.
    pub(crate) fn mouse(&mut self, x: f64, y: f64, click: bool) {
        let kinds: &[&str] = if click { &["mouseMoved", "mousePressed", "mouseReleased"] } else { &["mouseMoved"] };
        for kind in kinds {
            let (button, count) = if *kind == "mouseMoved" { ("none", 0) } else { ("left", 1) };
            let event = json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": count });
            self.call("Input.dispatchMouseEvent", &event);
        }
    }

    /// Writes a picture of the window.
    pub(crate) fn screenshot(&mut self, file: &Path) {
        use base64::Engine;
        let answer = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        let bytes = base64::engine::general_purpose::STANDARD.decode(answer["data"].as_str().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// Calls a method of the protocol and yields its result.
    pub(crate) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.to.write_all(&bytes).unwrap();
        let started = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(started.elapsed());
            let Ok(answer) = self.from.recv_timeout(left) else {
                let log = std::fs::read_to_string(self._folder.path().join("log")).unwrap_or_default();
                panic!("{method} was not answered within {PATIENCE:?}; the browser said:\n{log}");
            };
            if answer["id"] == self.last {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            if let Some(event) = answer["method"].as_str() {
                self.events.push((event.to_string(), answer["params"].clone()));
            }
        }
    }

    fn wait(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let started = Instant::now();
        while !done(self) {
            assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
            std::thread::sleep(Duration::from_millis(20));
            // Takes in the events that have come meanwhile.
            self.call("Runtime.evaluate", &json!({ "expression": "0" }));
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Also when a test has failed, and whatever state the browser is in.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
