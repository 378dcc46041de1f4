// viaductctl vm: what it prints, and what it refuses to be told. tests/e2e/network/test_vm_add.py has the
// files.
#include <gtest/gtest.h>

#include "tools/viaductctl/options.hpp"
#include "tools/viaductctl/vm_print.hpp"

namespace viaduct::tools {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

VmRecipe vm1() {
  VmRecipe vm;
  vm.name = "vm1";
  vm.config_dir = "/etc/viaduct";
  vm.settings.cid = 42;
  vm.settings.token_file = "/etc/viaduct/tokens/vm1";
  return vm;
}

VmRecipe with_memory(bool doorbell) {
  VmRecipe vm = vm1();
  vm.settings.memory_bytes = 512u << 20;
  vm.settings.doorbell = doorbell;
  return vm;
}

TEST(VmDevices, of_a_vm_without_shared_memory) {
  EXPECT_EQ(vm_devices(vm1(), "qemu"), "-device vhost-vsock-pci,guest-cid=42\n");
  EXPECT_EQ(vm_devices(vm1(), "libvirt"),
            "<vsock model='virtio'>\n  <cid auto='no' address='42'/>\n</vsock>\n");
  EXPECT_EQ(vm_devices(vm1(), "proxmox"), "qm set VMID --args '-device vhost-vsock-pci,guest-cid=42'\n");
}

TEST(VmDevices, of_a_vm_with_shared_memory) {
  EXPECT_EQ(vm_devices(with_memory(false), "qemu"),
            "-object memory-backend-file,id=viaduct,share=on,mem-path=/dev/shm/viaduct-vm1,size=512M\n"
            "-device ivshmem-plain,memdev=viaduct\n"
            "-device vhost-vsock-pci,guest-cid=42\n");
  EXPECT_TRUE(has(vm_devices(with_memory(false), "libvirt"),
                  "<shmem name='viaduct-vm1'>\n  <model type='ivshmem-plain'/>\n"
                  "  <size unit='M'>512</size>\n</shmem>\n"));
}

TEST(VmDevices, of_a_vm_with_a_doorbell_name_the_services_socket) {
  EXPECT_TRUE(has(vm_devices(with_memory(true), "qemu"),
                  "-chardev socket,id=viaduct,path=/run/viaduct/viaduct.sock.d/vm1.ivshmem\n"
                  "-device ivshmem-doorbell,chardev=viaduct,vectors=64\n"));
  const std::string libvirt = vm_devices(with_memory(true), "libvirt");
  EXPECT_TRUE(has(libvirt, "<server path='/run/viaduct/viaduct.sock.d/vm1.ivshmem'/>"));
  EXPECT_FALSE(has(libvirt, "<size"));
}

TEST(VmRecipe, says_where_to_listen_until_the_service_does) {
  VmRecipe vm = vm1();
  std::string text = vm_recipe(vm, "qemu");
  EXPECT_TRUE(has(text, R"(listen = ["unix:///run/viaduct/viaduct.sock", "vsock://any:7707"])"));
  EXPECT_TRUE(has(text, R"("tcp://ADDRESS:7707"])"));
  EXPECT_TRUE(has(text, "systemctl restart viaductd"));
  EXPECT_TRUE(has(text, "ends the sessions"));
  EXPECT_FALSE(has(text, "libvirt"));

  vm.listen = {"unix:///x", "tcp://10.9.0.1:7000"};
  text = vm_recipe(vm, "qemu");
  EXPECT_FALSE(has(text, "listen ="));
  EXPECT_TRUE(has(text, "echo tcp://10.9.0.1:7000 >/etc/viaduct/url"));
  EXPECT_FALSE(has(text, "vsock://"));

  vm.listen = {"vsock://any:9000"};
  text = vm_recipe(vm, "qemu");
  EXPECT_TRUE(has(text, "echo vsock://host:9000 >/etc/viaduct/url"));
  EXPECT_FALSE(has(text, "/etc/viaduct/token"));
}

template <class... Words>
std::string complaint(Words... words) {
  const char* arguments[] = {"viaductctl", "vm", words...};
  const auto options = parse_ctl_options(static_cast<int>(std::size(arguments)), arguments);
  return options ? "" : options.error();
}

TEST(VmOptions, are_read) {
  const char* arguments[] = {"viaductctl", "vm",         "add",     "vm1",     "--memory=1 GiB", "--cid",
                             "7",          "--doorbell", "--print", "proxmox", "--memory-owner", "root"};
  const auto options = parse_ctl_options(static_cast<int>(std::size(arguments)), arguments);
  ASSERT_TRUE(options) << options.error();
  EXPECT_EQ(options->verb, Verb::vm);
  EXPECT_EQ(options->vm.verb, VmVerb::add);
  EXPECT_EQ(options->vm.name, "vm1");
  EXPECT_EQ(options->vm.memory, "1 GiB");
  EXPECT_EQ(options->vm.memory_owner, "root");
  EXPECT_EQ(options->vm.cid, 7u);
  EXPECT_TRUE(options->vm.doorbell);
  EXPECT_EQ(options->vm.print, "proxmox");
  EXPECT_EQ(options->vm.config_dir, "/etc/viaduct");
}

TEST(VmOptions, mistakes_are_named) {
  EXPECT_TRUE(has(complaint(), "add, list, show or remove"));
  EXPECT_TRUE(has(complaint("add"), "name"));
  EXPECT_TRUE(has(complaint("add", "../x"), "is no name"));
  EXPECT_TRUE(has(complaint("add", "a/b"), "is no name"));
  EXPECT_TRUE(has(complaint("add", ".x"), "is no name"));
  EXPECT_TRUE(has(complaint("add", "x", "--cid", "7x"), "is no CID"));
  EXPECT_TRUE(has(complaint("add", "x", "--cid", "-7"), "is no CID"));
  EXPECT_TRUE(has(complaint("add", "x", "--print", "xen"), "qemu, libvirt or proxmox"));
  EXPECT_TRUE(has(complaint("add", "x", "--doorbell"), "needs --memory"));
  EXPECT_TRUE(has(complaint("add", "x", "--json"), "--json"));
  EXPECT_TRUE(has(complaint("show", "x", "--cid", "7"), "no settings"));
  EXPECT_TRUE(has(complaint("list", "x"), "no argument"));
  EXPECT_TRUE(has(complaint("remove", "x", "--print", "qemu"), "no --print"));
  const char* elsewhere[] = {"viaductctl", "status", "--cid", "7"};
  EXPECT_TRUE(has(parse_ctl_options(4, elsewhere).error(), "--cid belongs to vm"));
}

}  // namespace
}  // namespace viaduct::tools
