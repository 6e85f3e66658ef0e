// SPDX-License-Identifier: Apache-2.0
// bellhop-file-read and -write: a part of a file by path and offset, without a handle that somebody has to close, and with a
// checksum of it. docs/dialects/qga-extensions.md.
#include "base/base64.hpp"
#include "base/crc32.hpp"
#include "dialect/qga/files.hpp"

#include <algorithm>

namespace bellhop::qga {
namespace {

// nullptr: it cannot be had, and that was the answer.
std::shared_ptr<op::OpenedFile> open(Call& call, op::OpenFile::Request request, std::int64_t offset)
{
    const std::string path = request.path;
    if (offset < 0) {
        call.fail("value '" + std::to_string(offset) + "' is invalid for argument offset");
        return nullptr;
    }
    auto opened = call.context().operations.call<op::OpenFile>(call.context(), std::move(request));
    if (!opened)
        call.fail("failed to open file '" + path + "': " + reason(opened.error()));
    else if (!opened->file->size())
        call.fail("'" + path + "' is not a regular file");
    else
        return std::move(opened->file);
    return nullptr;
}

class PartAnswer final : public LongAnswer {
public:
    PartAnswer(SpareMemory& spare, std::shared_ptr<op::OpenedFile> file, std::uint64_t offset, std::size_t count)
        : file_(std::move(file)), at_(offset), left_(count), piece_(spare)
    {
    }
    Status begin()
    {
        fill();
        return error_ && filled_ == 0 ? Status(*error_) : bellhop::done();
    }
    bool next(std::string& out) override
    {
        if (!std::exchange(begun_, true))
            out += "{\"buf-b64\": \"";
        else
            fill();
        const ByteView bytes = piece_.bytes().first(filled_);
        base64::encode(out, bytes);
        crc_ = crc32(bytes, crc_);
        count_ += filled_;
        if (filled_ == piece_size && left_ > 0)
            return true;
        out += "\", \"count\": " + std::to_string(count_) + ", \"size\": " + std::to_string(file_->size().value_or(0)) +
               ", \"eof\": " + (ended_ ? "true" : "false") + ", \"crc32\": " + std::to_string(crc_) + "}";
        return false;
    }

private:
    void fill()
    {
        piece_.resize(std::min(left_, piece_size));
        for (filled_ = 0; filled_ < piece_.size();) {
            const Result<std::size_t> n = file_->read_at(piece_.bytes().subspan(filled_), at_);
            if (!n)
                error_ = n.error();
            ended_ = n && *n == 0;
            if (!n || *n == 0)
                return;
            filled_ += *n;
            left_ -= *n;
            at_ += *n;
        }
    }

    std::shared_ptr<op::OpenedFile> file_;
    std::uint64_t at_;
    std::size_t left_, filled_ = 0, count_ = 0;
    Piece piece_;
    std::uint32_t crc_ = 0;
    std::optional<Error> error_;
    bool begun_ = false, ended_ = false;
};

void bellhop_file_read(Call& call, Arguments& arguments)
{
    op::OpenFile::Request request{arguments.string("path")};
    const std::int64_t offset = arguments.maybe_integer("offset").value_or(0);
    std::int64_t count = arguments.maybe_integer("count").value_or(1 << 20);
    if (call.refused(arguments))
        return;
    if (count < 0 || count > most_count)
        return call.fail("value '" + std::to_string(count) + "' is invalid for argument count");
    if (call.asked_by_libvirt())
        count = std::min(count, std::int64_t(most_for_libvirt));
    std::shared_ptr<op::OpenedFile> file = open(call, std::move(request), offset);
    if (!file)
        return;
    auto answer = std::make_unique<PartAnswer>(call.state().spare, std::move(file), std::uint64_t(offset), std::size_t(count));
    if (Status begun = answer->begin(); !begun)
        return call.fail("failed to read file: " + reason(begun.error()));
    call.answer(std::move(answer));
}

void bellhop_file_write(Call& call, Arguments& arguments)
{
    op::OpenFile::Request request{arguments.string("path"), false, true};
    std::string bytes = arguments.string("buf-b64");
    const std::int64_t offset = arguments.maybe_integer("offset").value_or(0);
    const std::optional<std::int64_t> crc = arguments.maybe_integer("crc32");
    const std::int64_t mode = arguments.maybe_integer("mode").value_or(0600);
    request.truncate = arguments.maybe_boolean("truncate").value_or(false);
    if (call.refused(arguments))
        return;
    if (const auto why = base64::decode(bytes))
        return call.fail(*why);
    if (mode < 0 || mode > 07777)
        return call.fail("value '" + std::to_string(mode) + "' is invalid for argument mode");
    const std::uint32_t found = crc32(bytes_of(bytes));
    if (crc && *crc != std::int64_t(found))
        return call.fail("the bytes have the checksum " + std::to_string(found) + " and not " + std::to_string(*crc));
    request.create = unsigned(mode);
    std::shared_ptr<op::OpenedFile> file = open(call, std::move(request), offset);
    if (!file)
        return;
    if (const Result<std::uint64_t> at = file->seek(offset, op::OpenedFile::From::start); !at)
        return call.fail("failed to seek file: " + reason(at.error()));
    const std::size_t size = bytes.size();
    write_file(call, std::move(file), std::move(bytes), size, json::Members{{"crc32", std::int64_t(found)}});
}

}  // namespace

std::span<const Command> file_extensions()
{
    static constexpr Command commands[] = {
        {"bellhop-file-read", &bellhop_file_read, &op::OpenFile::info},
        {"bellhop-file-write", &bellhop_file_write, &op::OpenFile::info},
    };
    return commands;
}

}  // namespace bellhop::qga
