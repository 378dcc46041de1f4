#include "tools/viaductctl/top/top.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <thread>

#include "base/clock.hpp"
#include "tools/viaductctl/client.hpp"
#include "tools/viaductctl/top/screen.hpp"
#include "tools/viaductctl/top/table.hpp"
#include "tools/viaductctl/top/terminal.hpp"

namespace viaduct::tools {
namespace {

// While there is a screen, a service that answers later than this is not waited for: the keys are not read
// meanwhile.
constexpr int kWatchConnectMs = 1000;
constexpr int kWatchReplyMs = 2000;
// Between the first two samples on the screen: something is soon there to be read.
constexpr int kFirstIntervalMs = 250;

int complain(const std::string& text) {
  std::fprintf(stderr, "viaductctl: %s\n", text.c_str());
  return 1;
}

tl::expected<control::Status, std::string> sample(const transport::Url& url, int connect_ms, int reply_ms) {
  control::AdminRequest request;
  request.mutable_status()->set_frame_times(true);
  auto reply = ask(url, request, connect_ms, reply_ms);
  if (!reply) return tl::unexpected(reply.error());
  return std::move(*reply->mutable_status());
}

int once(const CtlOptions& options, const transport::Url& url) {
  const auto before = sample(url, kConnectMs, kReplyMs);
  if (!before) return complain(before.error());
  std::this_thread::sleep_for(std::chrono::milliseconds(options.top.interval_ms));
  const auto now = sample(url, kConnectMs, kReplyMs);
  if (!now) return complain(now.error());
  auto sessions = figures_of(&*before, *now);
  auto tenants = tenant_figures(*now, sessions);
  for (auto* each : {&sessions, &tenants}) sort_figures(*each, options.top.sort, false);
  std::erase_if(sessions, [&](const Figures& one) { return !matches(one, options.top.filter); });
  std::erase_if(tenants, [&](const Figures& one) {
    return !matches(one, options.top.filter) &&
           std::none_of(sessions.begin(), sessions.end(),
                        [&](const Figures& session) { return session.tenant == one.tenant; });
  });
  std::string text;
  if (options.json) {
    text = top_json(*now, (now->time_ns() - before->time_ns()) / 1'000'000, sessions, tenants);
  } else {
    const bool by_tenant = options.top.by_tenant;
    text = top_summary(*now, sessions) + "\n\n";
    for (std::string line :
         figures_table(by_tenant ? tenants : sessions, !by_tenant, options.top.sort).lines) {
      line.erase(line.find_last_not_of(' ') + 1);
      text += line + "\n";
    }
  }
  std::fputs(text.c_str(), stdout);
  return 0;
}

void kill_session(const transport::Url& url, uint32_t session, TopScreen& screen) {
  control::AdminRequest request;
  request.mutable_kill()->set_session_id(session);
  const auto reply = ask(url, request, kWatchConnectMs, kWatchReplyMs);
  screen.say(reply ? reply->text() : reply.error(), 3);
}

// Until the user leaves; the signal that ended it, or 0.
int watch(const CtlOptions& options, const transport::Url& url, Terminal& terminal) {
  TopScreen screen({options.top.sort, options.top.filter, options.top.by_tenant});
  const auto take = [&] {
    if (auto status = sample(url, kWatchConnectMs, kWatchReplyMs))
      screen.show(*status);
    else
      screen.say(status.error(), 0);
  };
  take();
  Deadline next = Deadline::after_ms(std::min(kFirstIntervalMs, options.top.interval_ms));
  for (;;) {
    terminal.draw(screen.lines(terminal.size()));
    const Terminal::Event event = terminal.wait(next);
    switch (event.kind) {
      case Terminal::Event::nothing:
        take();
        next = Deadline::after_ms(options.top.interval_ms);
        break;
      case Terminal::Event::key: {
        const Wish wish = screen.press(event.value);
        if (wish.kind == Wish::quit) return 0;
        if (wish.kind == Wish::kill) kill_session(url, wish.session, screen);
        break;
      }
      case Terminal::Event::redraw:
        break;
      case Terminal::Event::ended:
        return event.value;
    }
  }
}

}  // namespace

int top(const CtlOptions& options) {
  const auto url = find_service(options.url);
  if (!url) return complain(url.error());
  if (options.top.once || options.json || !Terminal::available()) return once(options, *url);
  // Whoever may not ask is told so on the terminal as it is.
  if (const auto first = sample(*url, kConnectMs, kReplyMs); !first) return complain(first.error());
  auto terminal = Terminal::open();
  if (!terminal) return complain(terminal.error());
  const int signal = watch(options, *url, **terminal);
  terminal->reset();
  if (signal != 0) die_of(signal);
  return 0;
}

}  // namespace viaduct::tools
