#include <cstdio>
#include <exception>

#include "tools/viaductctl/client.hpp"
#include "tools/viaductctl/config_check.hpp"
#include "tools/viaductctl/doctor.hpp"
#include "tools/viaductctl/options.hpp"
#include "tools/viaductctl/print.hpp"
#include "tools/viaductctl/run.hpp"
#include "tools/viaductctl/top/top.hpp"
#include "tools/viaductctl/vm.hpp"

namespace {

using namespace viaduct;
using namespace viaduct::tools;

int complain(const std::string& text, int status = 1) {
  std::fprintf(stderr, "viaductctl: %s\n", text.c_str());
  return status;
}

int administer(const CtlOptions& options) {
  control::AdminRequest request;
  switch (options.verb) {
    case Verb::status:
      request.mutable_status();
      break;
    case Verb::gpus:
      request.mutable_gpus();
      break;
    case Verb::policy:
      request.mutable_set_policy()->set_policy(options.policy);
      break;
    case Verb::tenant:
      request.mutable_set_tenant()->set_name(options.set_tenant);
      if (options.share) request.mutable_set_tenant()->set_share_percent(*options.share);
      if (options.fps) request.mutable_set_tenant()->set_frames_per_second(*options.fps);
      break;
    default:
      request.mutable_kill()->set_session_id(options.session);
      break;
  }
  const auto url = find_service(options.url);
  if (!url) return complain(url.error());
  const auto reply = ask(*url, request);
  if (!reply) return complain(reply.error());
  std::string text = reply->text() + "\n";
  if (options.verb == Verb::status)
    text = options.json ? status_json(reply->status()) : status_table(reply->status());
  if (options.verb == Verb::gpus) text = options.json ? gpus_json(reply->gpus()) : gpus_table(reply->gpus());
  std::fputs(text.c_str(), stdout);
  return 0;
}

int manage(const VmOptions& options) {
  const auto text = manage_vms(options);
  if (!text) return complain(text.error());
  std::fputs(text->c_str(), stdout);
  return 0;
}

int doctor(const CtlOptions& options) {
  const Report report = examine_host({.url = options.url, .config_dir = options.vm.config_dir});
  const std::string text =
      options.json ? report_json(report) : report_table(report, "This host lends its GPU; nothing is wrong.");
  std::fputs(text.c_str(), stdout);
  return report.exit_status();
}

int check(const CtlOptions& options) {
  const CheckOutcome outcome = check_config(options.check_paths);
  std::fputs(outcome.text.c_str(), stdout);
  return outcome.right ? 0 : 1;
}

int run(int argc, char** argv) {
  const auto options = parse_ctl_options(argc, argv);
  if (!options) return complain(options.error(), 2);
  switch (options->verb) {
    case Verb::help:
      std::fputs(ctl_help(), stdout);
      return 0;
    case Verb::version:
      std::puts("viaductctl " VIADUCT_VERSION);
      return 0;
    case Verb::run:
      return complain(run_program(*options), 127);
    case Verb::vm:
      return manage(options->vm);
    case Verb::doctor:
      return doctor(*options);
    case Verb::config:
      return check(*options);
    case Verb::top:
      return top(*options);
    default:
      return administer(*options);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    return complain(std::string("internal error: ") + error.what());
  }
}
