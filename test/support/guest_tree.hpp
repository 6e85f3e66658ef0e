// SPDX-License-Identifier: Apache-2.0
// A guest's files below a temporary folder: what Config::root points to.
#pragma once
#include "support/catch.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace bellhop::test {

class GuestTree {
public:
    GuestTree() : root_((std::filesystem::temp_directory_path() / "bellhop-guest-XXXXXX").string())
    {
        REQUIRE(::mkdtemp(root_.data()));
    }
    GuestTree(const GuestTree&) = delete;
    ~GuestTree()
    {
        std::error_code ec;
        std::filesystem::remove_all(root_, ec);
    }
    const std::string& root() const { return root_; }
    std::string operator/(const std::string& path) const { return root_ + "/" + path; }
    void file(const std::string& path, const std::string& text = "") const
    {
        std::filesystem::create_directories(std::filesystem::path(*this / path).parent_path());
        std::ofstream(*this / path, std::ios::binary) << text;
    }
    void folder(const std::string& path) const { std::filesystem::create_directories(*this / path); }
    void link(const std::string& path, const std::string& target) const  // the target as it will stand there
    {
        std::filesystem::create_directories(std::filesystem::path(*this / path).parent_path());
        std::filesystem::create_symlink(target, *this / path);
    }

    // A block device below sys/devices, known under its number and, if it is a whole one, in sys/block.
    void disk(const std::string& path, const std::string& number, const std::string& size = "2048") const
    {
        const std::string name = path.substr(path.rfind('/') + 1);
        file("sys/devices/" + path + "/uevent", "MAJOR=" + number.substr(0, number.find(':')) + "\nDEVNAME=" + name + "\n");
        file("sys/devices/" + path + "/dev", number + "\n");
        file("sys/devices/" + path + "/size", size + "\n");
        folder("sys/devices/" + path + "/slaves");
        link("sys/dev/block/" + number, "../../devices/" + path);
        link("sys/block/" + name, "../devices/" + path);
    }
    void partition(const std::string& disk, const std::string& name, const std::string& number) const
    {
        const std::string path = "sys/devices/" + disk + "/" + name;
        file(path + "/uevent", "DEVNAME=" + name + "\nDEVTYPE=partition\n");
        file(path + "/dev", number + "\n");
        file(path + "/partition", "1\n");
        link("sys/dev/block/" + number, "../../devices/" + disk + "/" + name);
    }

private:
    std::string root_;
};

}  // namespace bellhop::test
