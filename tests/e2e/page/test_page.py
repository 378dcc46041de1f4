#!/usr/bin/env python3
"""viaductd's web page in Chromium: what it shows, that its controls take effect, and what other sites can do by it.

With VIADUCT_PICTURES=FOLDER the pictures of the page are kept there.
"""

import http.server
import json
import os
import pathlib
import shutil
import sys
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / folder) for folder in ("support", "http", "real"))]
import displays  # noqa: E402
import test_http  # noqa: E402
from browser import Browser  # noqa: E402
from harness import BUILD, process_status, wait_until  # noqa: E402

HOSTILE = "<img src=x onerror=document.title='owned'>"
CARD = "[...document.querySelectorAll('.tenant')].find((each) => each.querySelector('.name').textContent === '{}')"


def figure(tenant, name):
    return f"Number({CARD.format(tenant)}?.querySelector('[data-chart={name}] output').textContent)"


class Page(test_http.Server):
    """Without a token the page is only to look at."""
    token = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.url = f"http://127.0.0.1:{cls.port}/"
        cls.browser = Browser("--host-resolver-rules=MAP rebound.example 127.0.0.1")

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        super().tearDownClass()

    def render(self, tenant="alice", name=None):
        program = BUILD / "tests/wsi_window"
        command = ["bash", "-c", 'exec -a "$1" "$2" endless --platform headless', "bash", name or "wsi_window", program]
        running = self.host.guest(*command, tenant=tenant if tenant != "default" else None)
        self.addCleanup(running.kill)
        running.wait_line("running")
        return running

    def open(self, width=1280, height=900, dark=False, url=None):
        page = self.browser.open(url or self.url, width, height, dark)
        self.addCleanup(page.close)
        if self.token and not url:
            page.wait("!document.getElementById('token-form').hidden")
            page.value("document.getElementById('token').focus()")
            page.type(self.token)
            page.enter()
            page.wait("document.getElementById('token-form').hidden && !document.body.classList.contains('read-only')")
            self.browser.events.clear()
        return page

    def tenant(self, name):
        return next(each for each in self.status()["tenants"] if each["name"] == name)

    def status(self):
        return json.loads(self.host.status("--json"))

    def post(self, path, body, **headers):
        fields = {"Content-Type": "application/json", "X-Viaduct-Request": "1",
                  "Authorization": f"Bearer {self.token}" if self.token else None, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection = test_http.http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self.addCleanup(connection.close)
        connection.request("POST", path, json.dumps(body), {name: value for name, value in fields.items() if value is not None})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def check_picture(self, page, name):
        """Not blank: text, lines of the charts' colours, both from end to end of the window."""
        picture = page.picture(whole=False)
        if folder := os.environ.get("VIADUCT_PICTURES"):
            pathlib.Path(folder, f"{name}.png").write_bytes(page.picture())
        width, height, data = displays.read_png(picture)
        rows = [data[y * width * 4:(y + 1) * width * 4] for y in range(height)]
        pixels = {row[x:x + 3] for row in rows for x in range(0, len(row), 4)}
        self.assertGreater(len(pixels), 100)
        thirds = [b"".join(rows[at * height // 3:(at + 1) * height // 3]) for at in range(3)]
        self.assertTrue(all(len({third[x:x + 3] for x in range(0, len(third), 4)}) > 10 for third in thirds))
        return data[:3]

    def check_widths(self, name, grounds_of=(False, True)):
        self.render("alice")
        self.render("default")
        grounds = []
        for width, height in ((1280, 900), (390, 844)):
            for dark in grounds_of:
                page = self.open(width, height, dark)
                for tenant in ("alice", "default"):
                    for each in ("fps", "p99", "gpu", "memory"):
                        page.wait(f"{figure(tenant, each)} > 0")
                ends = page.value("[...document.querySelectorAll('body *')].filter((each) => each.checkVisibility())"
                                  ".map((each) => each.getBoundingClientRect().right)")
                self.assertEqual(page.value("document.documentElement.scrollWidth"), width)
                self.assertLessEqual(max(ends), width)
                grounds.append(self.check_picture(page, f"{name}-{width}-{'dark' if dark else 'light'}"))
                self.assertEqual(page.complaints(), [])
        return grounds


class WithToken(Page):
    token = test_http.TOKEN

    @classmethod
    def setUpClass(cls):
        test_http.token_settings(cls)
        super().setUpClass()


class Shows(Page):
    def test_figures_at_desktop_and_phone_width_in_light_and_dark(self):
        grounds = self.check_widths("figures")
        self.assertEqual(grounds[:2], grounds[2:])
        self.assertGreater(sum(grounds[0]), 600)
        self.assertLess(sum(grounds[1]), 150)

    def test_without_a_token_there_is_nothing_to_press_and_the_page_says_why(self):
        self.render("alice")
        page = self.open()
        page.wait(f"{figure('alice', 'fps')} > 0")
        self.assertFalse(page.value("document.getElementById('read-only').hidden"))
        told = page.value("document.getElementById('read-only').innerText")
        for word in ("http.token_file", "viaductctl"):
            self.assertIn(word, told)
        controls = "[...document.querySelectorAll('button, input, select')].filter((each) => each.checkVisibility() && !each.disabled)"
        self.assertEqual(page.value(f"{controls}.length"), 0)
        # What is set can still be read, and follows.
        self.host.ctl("tenant", "set", "alice", "--share", 21)
        page.wait(f"{CARD.format('alice')}.querySelector('.share').value === '21'")
        self.assertEqual(page.complaints(), [])

    def test_without_a_token_nothing_can_be_changed_and_the_answer_says_what_to_do(self):
        before = self.status()
        session = self.render("alice")
        for path, body in (("/api/policy", {"policy": "fixed-share"}), ("/api/tenant", {"name": "alice", "share_percent": 3}),
                           ("/api/kill", {"session_id": self.host.sessions("alice")[0]["session"]})):
            for value in (None, "Bearer ", f"Bearer {test_http.TOKEN}"):
                status, text = self.post(path, body, Authorization=value)
                self.assertEqual(status, 403, text)
                for word in ("http.token_file", "viaductctl"):
                    self.assertIn(word, text)
        self.assertIsNone(session.process.poll())
        self.assertEqual(self.status()["policy"], before["policy"])
        self.assertNotEqual(self.tenant("alice")["share_percent"], 3)
        answer, text = self.get("/api/status")
        self.assertEqual((answer.status, json.loads(text)["changes_possible"]), (200, False))

    def test_a_name_that_was_pointed_here_reads_nothing(self):
        page = self.open(url=f"http://rebound.example:{self.port}/")
        page.wait("document.body.innerText.includes('ask by the address')")

    def test_figures_are_live(self):
        self.render("alice")
        page = self.open()
        page.wait(f"{figure('alice', 'fps')} > 0")
        line = f"{CARD.format('alice')}.querySelector('[data-chart=fps] .curve').getAttribute('d').split('L').length"
        points = page.value(line)
        page.wait(f"{line} >= {points + 3}")
        before, told = self.host.sessions("alice")[0], time.monotonic()
        shown = []
        while time.monotonic() < told + 4:
            shown.append(page.value(figure("alice", "fps")))
            time.sleep(0.2)
        rate = (self.host.sessions("alice")[0]["frames"] - before["frames"]) / (time.monotonic() - told)
        self.assertGreater(len(set(shown)), 1, "the figure never changed")
        self.assertLess(min(shown) / 4, rate)
        self.assertGreater(max(shown) * 4, rate)
        # A second program appears without a reload, and goes again.
        second = self.render("alice")
        page.wait(f"{CARD.format('alice')}.querySelectorAll('tbody tr').length === 2")
        second.kill()
        page.wait(f"{CARD.format('alice')}.querySelectorAll('tbody tr').length === 1")

    def test_a_programs_name_is_text_and_no_script(self):
        self.render("alice", HOSTILE)
        self.assertEqual(self.host.sessions("alice")[0]["program"], HOSTILE)
        page = self.open()
        page.wait(f"{figure('alice', 'fps')} > 0")
        self.assertEqual(page.value("document.querySelector('.program').textContent"), HOSTILE)
        self.assertEqual(page.value("document.title"), "Viaduct")
        self.assertEqual(page.value("document.querySelectorAll('main img').length"), 0)
        # And if the page were so wrong as to make it an element, the browser would refuse to.
        blocked = page.value("(() => { try { document.body.innerHTML = '<b>'; return false } catch { return true } })()")
        self.assertTrue(blocked)

    def test_a_service_that_goes_away_is_said_and_found_again(self):
        page = self.open()
        page.wait(f"{CARD.format('alice')} !== undefined")
        self.host.daemon.terminate()
        self.host.daemon.wait(20)
        page.wait("document.getElementById('message').textContent.includes('does not answer')")
        self.host.start()
        type(self).host.pid = self.host.daemon.pid
        page.wait("document.getElementById('message').textContent === ''")

    def test_while_nobody_sees_the_page_the_service_sleeps(self):
        def switches(seconds):
            before = process_status(self.host.pid, "voluntary_ctxt_switches")
            time.sleep(seconds)
            return process_status(self.host.pid, "voluntary_ctxt_switches") - before

        page = self.open()
        page.wait(f"{CARD.format('alice')} !== undefined")
        self.assertGreaterEqual(switches(4), 2)
        # Another tab is in front. What the browser keeps open ends in its time; then nothing wakes the service.
        self.open(url="about:blank")
        page.wait("document.hidden")
        self.assertTrue(wait_until(lambda: switches(4) == 0, 60, 0))


class Controls(WithToken):
    def test_controls_at_desktop_and_phone_width(self):
        self.check_widths("controls", [False])

    def test_the_page_asks_for_the_token_and_the_controls_want_it(self):
        page = self.open(url=self.url)
        page.wait("!document.getElementById('token-form').hidden")
        self.assertEqual(page.value("document.querySelectorAll('.tenant').length"), 0)
        for token, ends in (("not the token at all", "message.textContent.includes('refused that token')"),
                            (test_http.TOKEN, "document.querySelectorAll('.tenant').length === 2")):
            page.value("document.getElementById('token').focus()")
            page.type(token)
            page.enter()
            page.wait(ends)
        for hidden in ("token-form", "read-only"):
            self.assertTrue(page.value(f"document.getElementById('{hidden}').hidden"))
        page.value("document.getElementById('policy').value = 'fixed-share'")
        page.value("document.querySelector('#policy-form button').click()")
        self.assertTrue(wait_until(lambda: self.status()["policy"] == "fixed-share", 20))
        for value in (None, "Bearer wrong", f"Bearer {test_http.TOKEN}x", test_http.TOKEN):
            self.assertEqual(self.post("/api/policy", {"policy": "best-effort"}, Authorization=value)[0], 401)
        self.assertEqual(self.status()["policy"], "fixed-share")
        self.assertEqual(self.post("/api/policy", {"policy": "best-effort"})[0], 200)
        self.assertEqual(self.status()["policy"], "best-effort")

    def test_a_share_and_a_cap_set_with_the_keyboard_alone(self):
        self.render("alice")
        page = self.open()
        page.wait(f"{figure('alice', 'fps')} > 0")
        focused = f"{CARD.format('alice')}.querySelector('{{}}') === document.activeElement"
        for name, text in ((".share", "35"), (".cap", "30")):
            for _ in range(40):
                if page.value(focused.format(name)):
                    break
                page.tab()
            self.assertTrue(page.value(focused.format(name)), f"{name} is not reached with Tab")
            page.value("document.activeElement.select()")
            page.type(text)
        page.enter()
        self.assertTrue(wait_until(lambda: self.tenant("alice")["share_percent"] == 35, 20), self.status())
        self.assertEqual(self.tenant("alice")["frames_per_second"], 30)
        self.assertEqual(self.tenant("default")["share_percent"], 0)
        page.wait("document.getElementById('message').textContent.includes('share 35 %, cap 30 frames/s')")
        page.wait(f"{figure('alice', 'fps')} < 40")

    def test_what_somebody_types_is_not_overwritten(self):
        page = self.open()
        page.wait(f"{CARD.format('alice')} !== undefined")
        share = f"{CARD.format('alice')}.querySelector('.share')"
        page.value(f"{share}.select(), {share}.focus()")
        page.type("77")
        self.host.ctl("tenant", "set", "default", "--share", 12)
        page.wait(f"{CARD.format('default')}.querySelector('.share').value === '12'")
        self.assertEqual(page.value(f"{share}.value"), "77")
        # Nor once it has lost the focus, nor a policy that was chosen and not yet set.
        page.value(f"{share}.blur(), document.getElementById('policy').value = 'equal-share'")
        self.host.ctl("policy", "fixed-share")
        self.host.ctl("tenant", "set", "default", "--share", 13)
        page.wait(f"{CARD.format('default')}.querySelector('.share').value === '13'")
        self.assertEqual(page.value(f"{share}.value"), "77")
        self.assertEqual(page.value("document.getElementById('policy').value"), "equal-share")

    def test_the_policy(self):
        page = self.open()
        page.wait(f"{CARD.format('alice')} !== undefined")
        for policy in ("fixed-share", "equal-share", "best-effort"):
            page.value(f"document.getElementById('policy').value = '{policy}'")
            page.value("document.querySelector('#policy-form button').click()")
            self.assertTrue(wait_until(lambda wanted=policy: self.status()["policy"] == wanted, 20), policy)

    def test_a_session_is_ended_after_a_question(self):
        self.render("default")
        victim = self.render("alice")
        page = self.open()
        button = f"{CARD.format('alice')}.querySelector('button.end')"
        page.wait(f"!!{CARD.format('alice')}?.querySelector('button.end')")
        page.value(f"{button}.click()")
        self.assertEqual(page.value(f"{button}.textContent"), "End it?")
        time.sleep(1)
        self.assertEqual(len(self.host.sessions("alice")), 1)
        page.value(f"{button}.click()")
        victim.wait(30)
        self.host.wait_log("an administrator ended it")
        page.wait(f"{CARD.format('alice')}.querySelectorAll('tbody tr').length === 0")
        self.assertEqual(len(self.host.sessions("default")), 1)

    def test_answers_are_those_of_the_admin_socket(self):
        self.assertEqual(self.post("/api/tenant", {"name": "nobody", "share_percent": 1})[0], 422)
        status, text = self.post("/api/tenant", {"name": "alice", "share_percent": 101})
        self.assertEqual((status, "at most 100" in text), (422, True))
        self.assertEqual(self.post("/api/policy", {"policy": "greedy"})[0], 422)
        self.assertEqual(self.post("/api/kill", {"session_id": 999})[0], 422)
        self.assertEqual(self.post("/api/kill", {"session_id": [1]})[0], 400)
        self.assertEqual(self.post("/api/add", {})[0], 404)
        shown = {"Authorization": f"Bearer {self.token}"}
        answer, _ = self.get("/api/policy", shown)
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST"))
        self.assertTrue(json.loads(self.get("/api/status", shown)[1])["changes_possible"])
        self.assertEqual(self.post("/metrics", {})[0], 405)
        self.assertEqual(self.post("/api/policy", {"policy": "x" * 5000})[0], 413)


ATTACK = """<!DOCTYPE html><title>running</title><form id=f method=post target=frame enctype=text/plain action={url}api/policy>
<input name='{{"policy": "fixed-share", "x": "' value='"}}'></form><iframe name=frame></iframe>
<script>
const body = JSON.stringify({{policy: "fixed-share"}});
const tries = [{{mode: "no-cors"}}, {{mode: "no-cors", headers: {{"Content-Type": "text/plain"}}}},
               {{headers: {{"Content-Type": "application/json", "X-Viaduct-Request": "1"}}}}];
document.getElementById("f").submit();
Promise.all(tries.map((each) => fetch("{url}api/policy", {{method: "POST", body, ...each}}).then(
  (answer) => answer.type === "opaque" ? "opaque" : "read " + answer.status, () => "failed")).concat(
  fetch("{url}api/status").then(() => "read", () => "failed"))).then((all) => document.title = all.join());
</script>"""


class OtherSites(WithToken):
    def test_another_site_in_the_same_browser_changes_and_reads_nothing(self):
        html = ATTACK.format(url=self.url).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(html)

            def log_message(self, *_):
                pass

        site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.addCleanup(site.server_close)
        self.addCleanup(site.shutdown)
        threading.Thread(target=site.serve_forever, daemon=True).start()
        before = self.status()["policy"]
        self.open()  # in which somebody has shown the token
        for host in ("127.0.0.1", "rebound.example"):
            page = self.open(url=f"http://{host}:{site.server_port}/")
            page.wait("document.title.includes(',')")
            title = page.value("document.title")
            self.assertNotIn("read", title)
            self.assertEqual(title.split(",")[2:], ["failed", "failed"])
            self.assertEqual(self.status()["policy"], before, host)

    def test_a_name_that_was_pointed_here_gets_nothing(self):
        self.open()
        page = self.open(url=f"http://rebound.example:{self.port}/")
        page.wait("!document.getElementById('token-form').hidden")
        got = page.value("fetch('/api/policy', {method: 'POST', body: '{\"policy\": \"fixed-share\"}', headers: "
                         "{'Content-Type': 'application/json', 'X-Viaduct-Request': '1'}})"
                         ".then((answer) => answer.status, () => 0)")
        self.assertEqual(got, 401)
        self.assertNotEqual(self.status()["policy"], "fixed-share")

    def test_requests_that_no_page_of_ours_sends_are_refused(self):
        body = {"policy": "fixed-share"}
        for headers, wanted in (({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403),
                                ({"Sec_Fetch_Site": "cross-site"}, 403), ({"X_Viaduct_Request": None}, 403),
                                ({"Content_Type": "text/plain"}, 415), ({"Content_Type": None}, 415)):
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            status, _ = self.post("/api/policy", body, **{name.replace("-", "_"): value for name, value in headers.items()})
            self.assertEqual(status, wanted, headers)
        self.assertEqual(self.status()["policy"], "best-effort")
        self.assertEqual(self.post("/api/policy", {"policy": "equal-share"}, Origin=self.url[:-1])[0], 200)
        self.assertEqual(self.status()["policy"], "equal-share")
        self.assertEqual(self.post("/api/policy", {"policy": "best-effort"})[0], 200)

    def test_the_page_may_load_nothing_from_elsewhere_and_stand_in_no_frame(self):
        answer, _ = self.get("/")
        policy = answer.headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
            self.assertIn(part, policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual(answer.headers["X-Frame-Options"], "DENY")


if __name__ == "__main__":
    if not shutil.which("chromium"):
        print("chromium is not installed")
        sys.exit(1)
    unittest.main(verbosity=2)
