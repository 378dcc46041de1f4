#include "tests/unit/wsi/x_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace viaduct::guest::wsi::test {

std::unique_ptr<XServer> XServer::start(const std::vector<std::string>& arguments) {
  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0) return nullptr;
  const std::string number = std::to_string(pipe_fds[1]);
  std::vector<const char*> argv{"Xvfb", "-displayfd", number.c_str(), "-nolisten", "tcp", "-noreset"};
  if (std::find(arguments.begin(), arguments.end(), "-screen") == arguments.end()) {
    argv.insert(argv.end(), {"-screen", "0", "640x480x24"});
  }
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  argv.push_back(nullptr);
  std::unique_ptr<XServer> server(new XServer);
  server->pid_ = ::fork();
  if (server->pid_ == 0) {
    ::fcntl(pipe_fds[1], F_SETFD, 0);
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, 1);
    ::dup2(null, 2);
    ::execvp("Xvfb", const_cast<char**>(argv.data()));
    ::_exit(127);
  }
  ::close(pipe_fds[1]);
  // The number and its line end come in separate writes; closing before the second would end the server.
  std::string number_read;
  pollfd entry{pipe_fds[0], POLLIN, 0};
  char letter = 0;
  while (letter != '\n' && ::poll(&entry, 1, 15'000) == 1 && ::read(pipe_fds[0], &letter, 1) == 1) {
    if (letter != '\n') number_read += letter;
  }
  ::close(pipe_fds[0]);
  if (letter != '\n') return nullptr;
  server->display_ = ":" + number_read;
  return server;
}

XServer::~XServer() { kill(); }

void XServer::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

XWindow::XWindow(const std::string& display, std::uint16_t width, std::uint16_t height)
    : connection_(xcb_connect(display.c_str(), nullptr)), window_(xcb_generate_id(connection_)) {
  const xcb_screen_t* screen = xcb_setup_roots_iterator(xcb_get_setup(connection_)).data;
  const std::uint32_t values[2] = {screen->black_pixel,
                                   XCB_EVENT_MASK_EXPOSURE | XCB_EVENT_MASK_STRUCTURE_NOTIFY};
  xcb_create_window(connection_, XCB_COPY_FROM_PARENT, window_, screen->root, 0, 0, width, height, 0,
                    XCB_WINDOW_CLASS_INPUT_OUTPUT, screen->root_visual, XCB_CW_BACK_PIXEL | XCB_CW_EVENT_MASK,
                    values);
  xcb_map_window(connection_, window_);
  xcb_flush(connection_);
}

XWindow::~XWindow() { xcb_disconnect(connection_); }

void XWindow::resize(std::uint16_t width, std::uint16_t height) {
  const std::uint32_t values[2] = {width, height};
  xcb_configure_window(connection_, window_, XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT, values);
  xcb_flush(connection_);
}

void XWindow::destroy() {
  xcb_destroy_window(connection_, window_);
  xcb_flush(connection_);
}

std::vector<std::uint32_t> XWindow::pixels(std::uint16_t width, std::uint16_t height) {
  xcb_get_image_reply_t* image = xcb_get_image_reply(
      connection_, xcb_get_image(connection_, XCB_IMAGE_FORMAT_Z_PIXMAP, window_, 0, 0, width, height, ~0u),
      nullptr);
  if (image == nullptr) return {};
  std::vector<std::uint32_t> out(static_cast<std::size_t>(width) * height);
  if (xcb_get_image_data_length(image) >= static_cast<int>(out.size() * 4)) {
    std::memcpy(out.data(), xcb_get_image_data(image), out.size() * 4);
  }
  std::free(image);
  for (std::uint32_t& pixel : out) pixel &= 0xffffff;
  return out;
}

bool XWindow::becomes(std::uint32_t colour, std::uint16_t width, std::uint16_t height) {
  for (int i = 0; i < 100; ++i) {
    const auto seen = pixels(width, height);
    if (!seen.empty() && std::all_of(seen.begin(), seen.end(), [&](std::uint32_t p) { return p == colour; }))
      return true;
    ::usleep(10'000);
  }
  return false;
}

int XWindow::take_events() {
  int count = 0;
  while (xcb_generic_event_t* event = xcb_poll_for_event(connection_)) {
    ++count;
    std::free(event);
  }
  return count;
}

}  // namespace viaduct::guest::wsi::test
