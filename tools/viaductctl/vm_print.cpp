#include "tools/viaductctl/vm_print.hpp"

#include <algorithm>
#include <array>

namespace viaduct::tools {
namespace {

constexpr uint64_t kMiB = 1u << 20;
constexpr uint64_t kGiB = 1u << 30;
constexpr std::array<std::string_view, 3> kForms = {"qemu", "libvirt", "proxmox"};

bool has_memory(const VmRecipe& vm) { return vm.settings.memory_bytes != 0; }

// Beside the first Unix socket that the service listens on (host-renderer/daemon/listen_sockets.hpp).
std::string doorbell_socket(const VmRecipe& vm) {
  constexpr std::string_view kUnix = "unix://";
  const auto found = std::find_if(vm.listen.begin(), vm.listen.end(),
                                  [&](const std::string& url) { return url.starts_with(kUnix); });
  const std::string base =
      found == vm.listen.end() ? "/run/viaduct/viaduct.sock" : found->substr(kUnix.size());
  return base + ".d/" + vm.name + ".ivshmem";
}

// The vectors are as many as viaductd serves (kDoorbellVectors in host-renderer/daemon/doorbell_server.hpp).
std::vector<std::string> qemu_arguments(const VmRecipe& vm) {
  std::vector<std::string> lines;
  if (has_memory(vm)) {
    if (vm.settings.doorbell) {
      lines.push_back("-chardev socket,id=viaduct,path=" + doorbell_socket(vm));
      lines.emplace_back("-device ivshmem-doorbell,chardev=viaduct,vectors=64");
    } else {
      lines.push_back("-object memory-backend-file,id=viaduct,share=on,mem-path=/dev/shm/viaduct-" + vm.name +
                      ",size=" + std::to_string(vm.settings.memory_bytes / kMiB) + "M");
      lines.emplace_back("-device ivshmem-plain,memdev=viaduct");
    }
  }
  if (vm.settings.cid)
    lines.push_back("-device vhost-vsock-pci,guest-cid=" + std::to_string(*vm.settings.cid));
  return lines;
}

std::vector<std::string> libvirt_elements(const VmRecipe& vm) {
  std::vector<std::string> lines;
  if (has_memory(vm)) {
    lines.push_back("<shmem name='viaduct-" + vm.name + "'>");
    if (vm.settings.doorbell) {
      lines.emplace_back("  <model type='ivshmem-doorbell'/>");
      lines.push_back("  <server path='" + doorbell_socket(vm) + "'/>");
      lines.emplace_back("  <msi vectors='64'/>");
    } else {
      lines.emplace_back("  <model type='ivshmem-plain'/>");
      lines.push_back("  <size unit='M'>" + std::to_string(vm.settings.memory_bytes / kMiB) + "</size>");
    }
    lines.emplace_back("</shmem>");
  }
  if (vm.settings.cid) {
    lines.emplace_back("<vsock model='virtio'>");
    lines.push_back("  <cid auto='no' address='" + std::to_string(*vm.settings.cid) + "'/>");
    lines.emplace_back("</vsock>");
  }
  return lines;
}

std::string indented(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out += "     " + text.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return out;
}

// The first URL of this scheme that the service listens on; empty if there is none.
std::string listened(const VmRecipe& vm, std::string_view scheme) {
  const auto found = std::find_if(vm.listen.begin(), vm.listen.end(),
                                  [&](const std::string& url) { return url.starts_with(scheme); });
  return found == vm.listen.end() ? "" : *found;
}

// How the VM names that place.
std::string guest_vsock(const std::string& listened_url) {
  return "vsock://host:" + (listened_url.empty() ? "7707" : listened_url.substr(listened_url.rfind(':') + 1));
}

std::string guest_tcp(const std::string& listened_url) {
  const bool everywhere =
      listened_url.starts_with("tcp://0.0.0.0:") || listened_url.starts_with("tcp://[::]:");
  if (listened_url.empty() || everywhere)
    return "tcp://ADDRESS:" +
           (everywhere ? listened_url.substr(listened_url.rfind(':') + 1) : std::string("7707"));
  return listened_url;
}

// By what the VM comes in: where the service listens for it, or by both ways while it does nowhere.
struct Ways {
  explicit Ways(const VmRecipe& vm)
      : vsock_url(listened(vm, "vsock://")),
        tcp_url(listened(vm, "tcp://")),
        vsock(vm.settings.cid.has_value()),
        tcp(!vm.settings.token_file.empty()) {
    open = (vsock && !vsock_url.empty()) || (tcp && !tcp_url.empty());
    if (!open) return;
    vsock &= !vsock_url.empty();
    tcp &= !tcp_url.empty();
  }
  std::string vsock_url, tcp_url;
  bool vsock, tcp;
  bool open = false;
};

std::string service_part(const VmRecipe& vm, const Ways& ways) {
  std::string text = "1. The service, on this host\n";
  if (!ways.open) {
    std::string list;
    for (const std::string& url : vm.listen) list += "\"" + url + "\", ";
    if (vm.listen.empty()) list = "\"unix:///run/viaduct/viaduct.sock\", ";
    text += "   It does not listen for this VM yet. Let it, in " + vm.config_dir + "/viaductd.toml:\n";
    if (ways.vsock) text += indented("listen = [" + list + "\"vsock://any:7707\"]");
    if (ways.tcp) {
      text += ways.vsock ? "   or over TCP, or both; " : "   ";
      text += "ADDRESS is this host's on a network that only it and its VMs share:\n";
      text += indented("listen = [" + list + "\"tcp://ADDRESS:7707\"]");
    }
  }
  if (ways.vsock) {
    text += "   vsock wants a module of the kernel, now and after a boot:\n";
    text += indented("modprobe vhost_vsock\necho vhost_vsock >/etc/modules-load.d/viaduct.conf");
  }
  text += "   The service reads its settings when it starts. This ends the sessions that run:\n";
  return text + indented("systemctl restart viaductd");
}

std::string devices_part(const VmRecipe& vm, std::string_view form) {
  std::string text = "2. The VM\n";
  if (qemu_arguments(vm).empty()) return text + "   needs no device: it reaches the host over TCP.\n";
  for (const std::string_view each : kForms) {
    if (!form.empty() && form != each) continue;
    if (each == "qemu") text += "   QEMU, added to its command line:\n";
    if (each == "libvirt") text += "   libvirt, `virsh edit DOMAIN`, within <devices>:\n";
    if (each == "proxmox") text += "   Proxmox (`qm config VMID` shows args; this replaces them):\n";
    text += indented(vm_devices(vm, each));
  }
  text += "   The devices are there once the VM was shut down and started again";
  if (!has_memory(vm)) return text + ".\n";
  return text + ";\n   the service must have made the memory by then (it does when it starts).\n";
}

std::string guest_part(const VmRecipe& vm, const Ways& ways) {
  std::string text = "3. Inside the VM, as root\n" + indented("apt install ./viaduct-guest_*.deb");
  if (ways.vsock) {
    text += "   Over vsock:\n" + indented("echo " + guest_vsock(ways.vsock_url) + " >/etc/viaduct/url");
  }
  if (ways.tcp) {
    text += ways.vsock ? "   Or over TCP" : "   Over TCP";
    text += ", with the token from " + vm.settings.token_file + " of this host:\n";
    text += indented("echo " + guest_tcp(ways.tcp_url) +
                     " >/etc/viaduct/url\n"
                     "install -m 0640 -g render /dev/null /etc/viaduct/token\n"
                     "cat >/etc/viaduct/token    # paste it, then Ctrl-D");
  }
  return text +
         "   Users of the GPU are members of the group render. `vulkaninfo --summary` shows the device.\n";
}

}  // namespace

bool valid_print(std::string_view form) {
  return std::find(kForms.begin(), kForms.end(), form) != kForms.end();
}

std::string spell_size(uint64_t bytes) {
  const bool gib = bytes >= kGiB && bytes % kGiB == 0;
  return std::to_string(bytes / (gib ? kGiB : kMiB)) + (gib ? " GiB" : " MiB");
}

std::string vm_devices(const VmRecipe& vm, std::string_view form) {
  const bool proxmox = form == "proxmox";
  const auto lines = form == "libvirt" ? libvirt_elements(vm) : qemu_arguments(vm);
  std::string text;
  for (const std::string& line : lines)
    text += (proxmox && !text.empty() ? " " : "") + line + (proxmox ? "" : "\n");
  return proxmox && !text.empty() ? "qm set VMID --args '" + text + "'\n" : text;
}

std::string vm_recipe(const VmRecipe& vm, std::string_view form) {
  const Ways ways(vm);
  return service_part(vm, ways) + "\n" + devices_part(vm, form) + "\n" + guest_part(vm, ways);
}

std::string vm_table(const host::daemon::Config& config) {
  std::vector<std::array<std::string, 4>> rows = {{"NAME", "CID", "MEMORY", "TOKEN FILE"}};
  for (const auto& [name, tenant] : config.tenants) {
    if (!tenant.cid && tenant.token_file.empty() && tenant.memory_bytes == 0) continue;
    rows.push_back({name, tenant.cid ? std::to_string(*tenant.cid) : "-",
                    tenant.memory_bytes == 0 ? "-" : spell_size(tenant.memory_bytes),
                    tenant.token_file.empty() ? "-" : tenant.token_file});
  }
  if (rows.size() == 1) return "no tenant is a VM; `viaductctl vm add NAME` makes one\n";
  std::array<std::size_t, 3> widths{};
  for (const auto& row : rows)
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row[i].size() + 2);
  std::string text;
  for (auto& row : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      row[i].resize(widths[i], ' ');
      text += row[i];
    }
    text += row.back() + "\n";
  }
  return text;
}

}  // namespace viaduct::tools
