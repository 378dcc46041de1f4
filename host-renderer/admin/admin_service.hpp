// Answers administrators: status, GPUs, ending a session, adding a tenant. The server has checked by then
// who is asking.
#pragma once

#include <string>

#include "generated/protocol/control/control.pb.h"
#include "host-renderer/http/endpoints.hpp"

namespace viaduct::host::daemon {

class Server;

class AdminService {
 public:
  explicit AdminService(Server& server) : server_(server) {}
  // `base` is the listening socket that the request came in by, or beside which its tenant's lies.
  control::AdminReply handle(const control::AdminRequest& request, const std::string& base);

  // Over HTTP, once the guard has let it in: a POST is one of the requests above.
  [[nodiscard]] http::Answer answer(const http::Request& request);

 private:
  [[nodiscard]] http::Health health() const;
  void status(const control::StatusRequest& asked, control::Status& out) const;
  void gpus(control::AdminReply& reply) const;
  void kill(uint32_t session_id, control::AdminReply& reply);
  void set_policy(const std::string& name, control::AdminReply& reply);
  void set_tenant(const control::SetTenantRequest& request, control::AdminReply& reply);
  void add_tenant(const std::string& name, const std::string& base, control::AdminReply& reply);
  Server& server_;
};

}  // namespace viaduct::host::daemon
