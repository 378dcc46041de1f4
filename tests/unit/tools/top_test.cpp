// What `viaductctl top` makes of samples and keys.
#include <gtest/gtest.h>

#include "base/log_buckets.hpp"
#include "tools/viaductctl/options.hpp"
#include "tools/viaductctl/text.hpp"
#include "tools/viaductctl/top/figures.hpp"
#include "tools/viaductctl/top/screen.hpp"
#include "tools/viaductctl/top/table.hpp"

namespace viaduct::tools {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kMs = 1'000'000;

control::Status service(uint64_t seconds) {
  control::Status status;
  status.set_version("1.2");
  status.set_pid(77);
  status.set_uptime_ms(seconds * 1000);
  status.set_time_ns(seconds * kSecond);
  for (const char* name : {"zoe", "adam"}) {
    status.add_tenants()->set_name(name);
    status.mutable_tenants(status.tenants_size() - 1)->set_session_limit(8);
  }
  return status;
}

control::SessionStatus& add_session(control::Status& status, int tenant, uint32_t id, const char* program) {
  control::SessionStatus& session = *status.mutable_tenants(tenant)->add_sessions();
  session.set_session_id(id);
  session.set_program(program);
  session.set_state("running");
  session.set_age_ms(1'000'000);
  return session;
}

void set_times(control::SessionStatus& session, uint64_t ns, uint64_t count) {
  control::FrameTimes& times = *session.mutable_frame_times();
  times.set_first(static_cast<uint32_t>(LogBuckets::index_of(ns)));
  times.clear_counts();
  times.add_counts(count);
}

std::vector<uint32_t> ids(const std::vector<Figures>& figures) {
  std::vector<uint32_t> out;
  for (const Figures& each : figures) out.push_back(each.session);
  return out;
}

TEST(TopFigures, are_the_difference_of_two_samples) {
  control::Status before = service(10), now = service(14);
  add_session(before, 0, 5, "cube").set_frames(1000);
  control::SessionStatus& session = add_session(now, 0, 5, "cube");
  session.set_frames(1240);
  session.set_commands(8000);
  session.set_bytes(4096);
  session.set_gpu_busy_ns(kSecond);
  session.set_gpu_waited_ns(2 * kSecond);
  const auto figures = figures_of(&before, now);
  ASSERT_EQ(figures.size(), 1u);
  EXPECT_EQ(figures[0].tenant, "zoe");
  EXPECT_DOUBLE_EQ(figures[0].frames, 60);
  EXPECT_DOUBLE_EQ(figures[0].commands, 2000);
  EXPECT_DOUBLE_EQ(figures[0].bytes, 1024);
  EXPECT_DOUBLE_EQ(figures[0].gpu_busy, 0.25);
  EXPECT_DOUBLE_EQ(figures[0].gpu_waited, 0.5);
}

TEST(TopFigures, a_session_that_is_new_is_measured_since_it_began) {
  const control::Status before = service(10);
  control::Status now = service(14);
  control::SessionStatus& session = add_session(now, 1, 6, "cube");
  session.set_age_ms(500);
  session.set_frames(30);
  EXPECT_DOUBLE_EQ(figures_of(&before, now)[0].frames, 60);
  EXPECT_DOUBLE_EQ(figures_of(nullptr, now)[0].frames, 60);
}

TEST(TopFigures, another_services_sessions_are_not_those_of_the_same_number) {
  control::Status before = service(10), now = service(14);
  add_session(before, 0, 1, "old").set_frames(1'000'000);
  before.set_pid(76);
  control::SessionStatus& session = add_session(now, 0, 1, "new");
  session.set_age_ms(2000);
  session.set_frames(100);
  EXPECT_DOUBLE_EQ(figures_of(&before, now)[0].frames, 50);
}

TEST(TopFigures, counters_that_go_back_stand_still) {
  control::Status before = service(10), now = service(14);
  control::SessionStatus& old = add_session(before, 0, 1, "liar");
  old.set_frames(1000);
  set_times(old, 5 * kMs, 9);
  control::SessionStatus& session = add_session(now, 0, 1, "liar");
  session.set_frames(10);
  set_times(session, 5 * kMs, 3);
  const auto figures = figures_of(&before, now);
  EXPECT_EQ(figures[0].frames, 0);
  EXPECT_EQ(figures[0].frame_p99_ns, 0u);
}

TEST(TopFigures, counts_of_buckets_that_do_not_exist_are_left_out) {
  control::Status now = service(14);
  control::FrameTimes& times = *add_session(now, 0, 1, "liar").mutable_frame_times();
  times.set_first(4'294'967'295u);
  times.add_counts(5);
  EXPECT_EQ(figures_of(nullptr, now)[0].frame_p99_ns, 0u);
}

TEST(TopFigures, the_frame_times_are_those_since_the_last_sample) {
  control::Status before = service(10), now = service(14);
  set_times(add_session(before, 0, 1, "cube"), 900 * kMs, 50);
  control::SessionStatus& session = add_session(now, 0, 1, "cube");
  control::FrameTimes& times = *session.mutable_frame_times();
  const std::size_t fast = LogBuckets::index_of(16 * kMs), slow = LogBuckets::index_of(900 * kMs);
  times.set_first(static_cast<uint32_t>(fast));
  for (std::size_t i = fast; i <= slow; ++i) times.add_counts(i == fast ? 1000 : i == slow ? 50 : 0);
  const uint64_t p99 = figures_of(&before, now)[0].frame_p99_ns;
  EXPECT_GE(p99, 16 * kMs);
  EXPECT_LE(p99, 17 * kMs);
}

TEST(TopFigures, tenants_are_the_sums_of_their_sessions) {
  control::Status before = service(10), now = service(11);
  for (uint32_t id = 1; id <= 3; ++id) {
    add_session(before, 0, id, "cube");
    control::SessionStatus& session = add_session(now, 0, id, "cube");
    session.set_frames(10 * id);
    session.set_device_memory_bytes(100);
    set_times(session, id * 10 * kMs, 10);
  }
  // The same tenant by another door.
  now.add_tenants()->set_name("zoe");
  control::SessionStatus& other = add_session(now, 2, 9, "cube");
  other.set_age_ms(1000);
  other.set_frames(40);
  const auto tenants = tenant_figures(now, figures_of(&before, now));
  ASSERT_EQ(tenants.size(), 2u);
  EXPECT_EQ(tenants[0].tenant, "adam");
  EXPECT_EQ(tenants[0].sessions, 0u);
  EXPECT_EQ(tenants[1].sessions, 4u);
  EXPECT_DOUBLE_EQ(tenants[1].frames, 100);
  EXPECT_EQ(tenants[1].device_memory, 300u);
  EXPECT_GE(tenants[1].frame_p99_ns, 30 * kMs);
}

TEST(TopFigures, are_sorted_names_upwards_and_figures_downwards) {
  std::vector<Figures> figures(4);
  const char* const tenants[] = {"b", "a", "b", "a"};
  const double frames[] = {60, 30, 60, 90};
  for (uint32_t i = 0; i < 4; ++i) {
    figures[i].session = 4 - i;
    figures[i].tenant = tenants[i];
    figures[i].frames = frames[i];
  }
  sort_figures(figures, SortKey::tenant, false);
  EXPECT_EQ(ids(figures), (std::vector<uint32_t>{1, 3, 2, 4}));
  sort_figures(figures, SortKey::fps, false);
  EXPECT_EQ(ids(figures), (std::vector<uint32_t>{1, 2, 4, 3}));
  sort_figures(figures, SortKey::fps, true);
  EXPECT_EQ(ids(figures), (std::vector<uint32_t>{3, 2, 4, 1}));
  sort_figures(figures, SortKey::session, false);
  EXPECT_EQ(ids(figures), (std::vector<uint32_t>{1, 2, 3, 4}));
}

TEST(TopFigures, every_key_has_a_name_that_finds_it) {
  for (int i = 0; i < kSortKeys; ++i) {
    const auto key = static_cast<SortKey>(i);
    EXPECT_EQ(find_sort_key(sort_key_name(key)), key);
  }
  EXPECT_FALSE(find_sort_key("colour"));
}

TEST(TopText, rates_have_three_digits) {
  EXPECT_EQ(rate_text(0), "0");
  EXPECT_EQ(rate_text(7.254), "7.25");
  EXPECT_EQ(rate_text(9.999), "10.0");
  EXPECT_EQ(rate_text(59.94), "59.9");
  EXPECT_EQ(rate_text(99.99), "100");
  EXPECT_EQ(rate_text(999.4), "999");
  EXPECT_EQ(rate_text(999.6), "1.00 k");
  EXPECT_EQ(rate_text(1234567), "1.23 M");
}

TEST(TopText, a_name_cannot_steer_the_terminal) { EXPECT_EQ(plain_text("a\x1b[2Jb\n\xc3\xa9"), "a?[2Jb???"); }

TEST(TopTable, its_columns_stand_below_each_other) {
  control::Status now = service(14);
  add_session(now, 0, 123456, "a-program").set_device_memory_bytes(3 << 20);
  now.mutable_tenants(0)->mutable_sessions(0)->set_device_memory_limit(1 << 30);
  set_times(*now.mutable_tenants(0)->mutable_sessions(0), 20 * kMs, 5);
  const auto table = figures_table(figures_of(nullptr, now), true, SortKey::p99);
  ASSERT_EQ(table.lines.size(), 2u);
  EXPECT_EQ(table.lines[0].size(), table.lines[1].size());
  EXPECT_EQ(table.lines[0].substr(table.sorted_at, table.sorted_size), "P99");
  EXPECT_NE(table.lines[1].find("3.0 MiB / 1.0 GiB"), std::string::npos) << table.lines[1];
  // The bucket's end: 6.25 % above 20 ms at most.
  EXPECT_NE(table.lines[1].find("21.0 ms"), std::string::npos) << table.lines[1];
}

TEST(TopTable, shows_no_figure_of_a_session_that_nobody_counts) {
  control::Status now = service(14);
  add_session(now, 0, 7, "glxgears").set_kind("virgl");
  const auto figures = figures_of(nullptr, now);
  const auto table = figures_table(figures, true, SortKey::fps);
  EXPECT_NE(table.lines[1].find("running    -    -    -     -           -"), std::string::npos)
      << table.lines[1];
  const std::string json = top_json(now, 1000, figures, tenant_figures(now, figures));
  EXPECT_NE(
      json.find("\"program\": \"glxgears\", \"state\": \"running\", \"age_ms\": 1000000, \"fps\": null"),
      std::string::npos)
      << json;
}

class Screen : public testing::Test {
 protected:
  Screen() {
    control::Status status = service(10);
    for (uint32_t id = 1; id <= 9; ++id) {
      control::SessionStatus& session = add_session(status, id % 2, id, id == 4 ? "special" : "cube");
      session.set_frames(id * 1000);
    }
    screen_.show(status);
  }
  std::string text(std::size_t rows = 24, std::size_t columns = 200) {
    std::string out;
    const auto lines = screen_.lines({rows, columns});
    EXPECT_LE(lines.size(), rows);
    for (const ScreenLine& line : lines) {
      EXPECT_LE(line.text.size(), columns);
      out += line.text + "\n";
    }
    return out;
  }
  // Of the chosen session.
  uint32_t killed() {
    screen_.press('k');
    return screen_.press('y').session;
  }
  TopScreen screen_{ScreenOptions{}};
};

TEST_F(Screen, leaves_by_q) { EXPECT_EQ(screen_.press('q').kind, Wish::quit); }

TEST_F(Screen, ends_a_session_after_a_question_alone) {
  EXPECT_EQ(screen_.press('k').kind, Wish::none);
  EXPECT_NE(text().find("End session 1 (cube of tenant adam)?"), std::string::npos) << text();
  EXPECT_EQ(screen_.press('n').kind, Wish::none);
  EXPECT_EQ(text().find("End session"), std::string::npos);
  screen_.press('k');
  const Wish wish = screen_.press('y');
  EXPECT_EQ(wish.kind, Wish::kill);
  EXPECT_EQ(wish.session, 1u);
}

TEST_F(Screen, a_question_is_about_what_was_chosen_whatever_moves_meanwhile) {
  screen_.press('k');
  control::Status later = service(11);
  add_session(later, 1, 99, "aaa");
  screen_.show(later);
  EXPECT_EQ(screen_.press('y').session, 1u);
}

TEST_F(Screen, chooses_by_the_arrows_and_stops_at_the_ends) {
  screen_.press(kKeyDown);
  EXPECT_EQ(killed(), 3u);
  for (int i = 0; i < 20; ++i) screen_.press(kKeyUp);
  EXPECT_EQ(killed(), 1u);
  screen_.press(kKeyEnd);
  EXPECT_EQ(killed(), 8u);
  screen_.press(kKeyHome);
  EXPECT_EQ(killed(), 1u);
}

TEST_F(Screen, the_same_session_stays_chosen_when_it_is_sorted_elsewhere) {
  screen_.press(kKeyDown);
  for (int i = 0; i < 3; ++i) screen_.press('>');
  EXPECT_EQ(killed(), 3u);
  screen_.press(kKeyHome);
  EXPECT_EQ(killed(), 9u) << "by frames a second";
  screen_.press(kKeyHome);
  screen_.press('r');
  EXPECT_EQ(killed(), 9u);
  screen_.press(kKeyHome);
  EXPECT_EQ(killed(), 1u);
}

TEST_F(Screen, filters_by_what_is_typed_and_shows_all_again) {
  screen_.press('/');
  for (const char c : std::string("SPECq")) screen_.press(c);
  screen_.press(kKeyBackspace);
  screen_.press(kKeyEnter);
  EXPECT_EQ(text().find("cube"), std::string::npos) << text();
  EXPECT_EQ(killed(), 4u);
  screen_.press(kKeyEscape);
  EXPECT_NE(text().find("cube"), std::string::npos);
}

TEST_F(Screen, shows_tenants_whom_nothing_ends) {
  screen_.press('t');
  EXPECT_NE(text().find("SESSIONS"), std::string::npos);
  EXPECT_EQ(text().find("PROGRAM"), std::string::npos);
  screen_.press('k');
  EXPECT_EQ(screen_.press('y').kind, Wish::none);
  screen_.press('t');
  EXPECT_NE(text().find("PROGRAM"), std::string::npos);
}

TEST_F(Screen, scrolls_to_the_chosen_line_on_a_small_terminal) {
  screen_.press(kKeyEnd);
  const std::string seen = text(7, 60);
  EXPECT_NE(seen.find("zoe"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("adam"), std::string::npos) << seen;
}

TEST_F(Screen, fits_into_every_terminal) {
  for (const int key : {0, static_cast<int>('h'), static_cast<int>('k'), static_cast<int>('/')}) {
    screen_.press(key);
    for (std::size_t rows = 0; rows < 12; ++rows)
      for (const std::size_t columns : {1, 2, 20, 80}) text(rows, columns);
    screen_.press(kKeyEscape);
  }
}

TEST_F(Screen, without_a_session_there_is_nothing_to_end) {
  screen_.show(service(12));
  for (const int key : {static_cast<int>(kKeyDown), static_cast<int>(kKeyEnd), static_cast<int>('k')})
    EXPECT_EQ(screen_.press(key).kind, Wish::none);
  EXPECT_EQ(screen_.press('y').kind, Wish::none);
}

template <class... Words>
auto options(Words... words) {
  const char* arguments[] = {"viaductctl", words...};
  return parse_ctl_options(static_cast<int>(std::size(arguments)), arguments);
}

TEST(TopOptions, are_read) {
  const auto read =
      options("top", "--once", "--interval=0.25", "--sort", "fps", "--filter", "x", "--by-tenant");
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->verb, Verb::top);
  EXPECT_TRUE(read->top.once);
  EXPECT_TRUE(read->top.by_tenant);
  EXPECT_EQ(read->top.interval_ms, 250);
  EXPECT_EQ(read->top.sort, SortKey::fps);
  EXPECT_EQ(read->top.filter, "x");
}

TEST(TopOptions, mistakes_are_named) {
  for (const char* interval : {"0", "-1", "nan", "1e9", "x", "1s"})
    EXPECT_NE(options("top", "--interval", interval).error().find("0.1 to 3600"), std::string::npos)
        << interval;
  EXPECT_NE(options("top", "--sort=colour").error().find("p99"), std::string::npos);
  EXPECT_NE(options("status", "--once").error().find("--once belongs to top"), std::string::npos);
  EXPECT_NE(options("top", "--by-tenant", "--sort=program").error().find("no program"), std::string::npos);
  EXPECT_FALSE(options("top", "stray"));
}

}  // namespace
}  // namespace viaduct::tools
