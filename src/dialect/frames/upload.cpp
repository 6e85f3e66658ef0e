// SPDX-License-Identifier: Apache-2.0
// docs/dialects/frames.md, "put_file". A disk that is behind makes the job full; then the link is not read, so nothing piles up
// here, and the host feels it.
#include "dialect/frames/upload.hpp"

#include "dialect/frames/answers.hpp"

#include <bellhop/op/put_file.hpp>

namespace bellhop::frames {

void Upload::start(const json::Value& request, const std::optional<Error>& unreached)
{
    const std::int64_t* size = request["size"].integer();
    if (!size || *size < 0)
        return fail("bad 'size'");
    size_ = std::uint64_t(*size);
    open(request, unreached);
    maybe_end();
}

void Upload::open(const json::Value& request, const std::optional<Error>& unreached)
{
    const std::string* path = request["path"].string();
    const std::string* name = request["name"].string();
    const json::Value& mode = request["mode"];
    op::PutFile::Request put{path ? *path : "", name ? *name : "", {}};
    if (put.path.empty())
        error_ = "missing 'path'";
    else if (put.path.find('\0') != put.path.npos || put.name.find('\0') != put.name.npos)
        error_ = "embedded null byte";
    else if (!mode.is_null() && (!mode.integer() || *mode.integer() < 0 || *mode.integer() > 07777))
        error_ = "bad 'mode'";
    else if (unreached)
        error_ = "cannot create file: " + host_text(*unreached);
    if (error_)
        return;
    if (mode.integer())
        put.mode = unsigned(*mode.integer());
    const std::string target = quoted(put.path);
    auto job = context_.operations.start<op::PutFile>(context_, std::move(put), *this);
    if (job)
        job_ = std::move(*job);
    else if (job.error().os)
        error_ = "cannot create file: " + host_text(job.error()) + ": '" + target + "'";
    else
        error_ = quoted(job.error().text);
}

void Upload::on_piece(const tag_length::Piece& piece)
{
    using tag_length::Tag;
    if (!wants_more())
        return;  // the host's EOF frame, while the answer is on its way
    if (piece.tag == Tag::eof || (piece.tag == Tag::data && piece.begins && piece.length > size_ - received_)) {
        const std::uint64_t would_be = received_ + (piece.tag == Tag::eof ? 0 : piece.length);
        return fail(error_.value_or("size mismatch: " + std::to_string(would_be) + " of " + std::to_string(size_) + " bytes"));
    }
    if (piece.tag != Tag::data)
        return fail("unexpected frame type " + std::to_string(int(piece.tag)) + " during upload");
    received_ += piece.bytes.size();
    if (job_ && job_->input(piece.bytes) == Outbox::Room::full)
        outbox_.pause_input(true);
    maybe_end();
}

void Upload::maybe_end()
{
    if (wants_more())
        return;
    if (error_)
        return fail(*error_);
    job_->end_input();  // on_end() follows
}

void Upload::on_end(Result<ExitStatus> end)
{
    if (!end)
        return fail(host_text(end.error()));
    ended_(std::nullopt);
}

void Upload::fail(std::string error)
{
    job_.reset();
    size_ = received_;
    ended_(std::move(error));
}

}  // namespace bellhop::frames
