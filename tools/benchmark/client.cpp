// SPDX-License-Identifier: Apache-2.0
// The client of all measurements: frames v1, one request a connection, blocking calls on a unix
// stream socket whose buffers keep their default size. It checks what it can without cost: sizes,
// tags, the text of the answer.
#include "bench.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

namespace bellhop::benchmark {
namespace {

enum Tag : std::uint8_t { json = 1, standard_output, standard_error, data, end_of_file };
constexpr std::size_t header_size = 5, chunk_size = 64 << 10;

std::array<char, chunk_size> input;  // one frame's worth, as hosts read; shared: one connection at a time is read

void put_header(char* header, Tag tag, std::size_t length)
{
    const char bytes[header_size] = {char(tag), char(length >> 24), char(length >> 16), char(length >> 8), char(length)};
    std::memcpy(header, bytes, header_size);
}

std::size_t get_length(const char* header)
{
    const auto byte = [header](int i) { return std::size_t(static_cast<unsigned char>(header[i])); };
    return byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4);
}

void send_all(int socket, const char* bytes, std::size_t count)
{
    while (count > 0) {
        const ssize_t sent = ::send(socket, bytes, count, MSG_NOSIGNAL);
        if (sent < 0)
            throw system_failure("send");
        bytes += sent;
        count -= std::size_t(sent);
    }
}

void send_json(int socket, std::string_view text)
{
    char frame[1024];
    if (text.size() > sizeof frame - header_size)
        throw Failure("a request is too long");
    put_header(frame, json, text.size());
    std::memcpy(frame + header_size, text.data(), text.size());
    send_all(socket, frame, header_size + text.size());
}

// Reads frames; counts the bytes of output and file data without copying them, keeps the text of
// JSON frames.
class Answer {
public:
    explicit Answer(int socket) : socket_(socket) {}
    Tag next();  // the tag of the frame that was read
    const std::string& text() const { return text_; }
    std::uint64_t bytes() const { return bytes_; }

private:
    void fill();
    int socket_;
    std::size_t from_ = 0, to_ = 0;  // what of `input` is unread
    std::string text_;
    std::uint64_t bytes_ = 0;
};

void Answer::fill()
{
    if (from_ > 0) {  // at most a part of a header is left
        std::memmove(input.data(), input.data() + from_, to_ - from_);
        to_ -= from_;
        from_ = 0;
    }
    const ssize_t count = ::recv(socket_, input.data() + to_, input.size() - to_, 0);
    if (count < 0)
        throw system_failure("recv");
    if (count == 0)
        throw Failure("the server closed in the middle of its answer");
    to_ += std::size_t(count);
}

Tag Answer::next()
{
    while (to_ - from_ < header_size)
        fill();
    const Tag tag = Tag(input[from_]);
    std::size_t left = get_length(&input[from_]);
    from_ += header_size;
    if (tag == json)
        text_.clear();
    else if (tag == standard_error && left > 0)
        throw Failure("the command wrote to stderr");
    else
        bytes_ += left;
    while (left > 0) {
        if (from_ == to_) {
            from_ = to_ = 0;
            fill();
        }
        const std::size_t here = std::min(left, to_ - from_);
        if (tag == json)
            text_.append(&input[from_], here);
        from_ += here;
        left -= here;
    }
    return tag;
}

void expect(const Answer& answer, std::string_view part)
{
    if (answer.text().find(part) == std::string::npos)
        throw Failure("unexpected answer: " + answer.text());
}

void expect_size(const Answer& answer, std::uint64_t size)
{
    if (answer.bytes() != size)
        throw Failure("got " + std::to_string(answer.bytes()) + " bytes instead of " + std::to_string(size));
}

void read_to(Tag last, Answer& answer)
{
    while (answer.next() != last)
        continue;
}

double rate(std::uint64_t bytes, double microseconds)
{
    return double(bytes) / (1 << 20) / (microseconds / 1e6);
}

std::string run_request(std::string_view command)
{
    return R"({"v":1,"op":"run","cmd":")" + std::string(command) + R"(","shell":"raw","timeout":null})";
}

Fd connect_or_fail(const Server& server)
{
    Fd socket = connect_to(server.socket());
    if (socket.get() < 0)
        throw system_failure("connect");
    return socket;
}

}  // namespace

Fd connect_to(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return Fd();
    return socket;
}

Fd start_run(const Server& server, std::string_view command)
{
    Fd socket = connect_or_fail(server);
    send_json(socket.get(), run_request(command));
    return socket;
}

double ping(const Server& server)
{
    const auto begin = Clock::now();
    {
        const Fd socket = connect_or_fail(server);
        send_json(socket.get(), R"({"v":1,"op":"ping"})");
        Answer answer(socket.get());
        read_to(json, answer);
        expect(answer, R"("op":"pong")");
    }
    return microseconds_since(begin);
}

double run(const Server& server, std::string_view command)
{
    const auto begin = Clock::now();
    {
        const Fd socket = start_run(server, command);
        Answer answer(socket.get());
        read_to(json, answer);
        expect(answer, R"("exit_code":0)");
    }
    return microseconds_since(begin);
}

double run_for_output(const Server& server, std::string_view command, std::uint64_t size)
{
    const auto begin = Clock::now();
    {
        const Fd socket = start_run(server, command);
        Answer answer(socket.get());
        read_to(json, answer);
        expect(answer, R"("exit_code":0)");
        expect_size(answer, size);
    }
    return rate(size, microseconds_since(begin));
}

double get(const Server& server, const std::string& path, std::uint64_t size)
{
    const auto begin = Clock::now();
    {
        const Fd socket = connect_or_fail(server);
        send_json(socket.get(), R"({"v":1,"op":"get_file","path":")" + path + R"("})");
        Answer answer(socket.get());
        read_to(json, answer);
        expect(answer, R"("ok":true)");
        read_to(end_of_file, answer);
        expect_size(answer, size);
    }
    return rate(size, microseconds_since(begin));
}

double put(const Server& server, const std::string& path, std::uint64_t size)
{
    static std::array<char, header_size + chunk_size> frame;
    const auto begin = Clock::now();
    {
        const Fd socket = connect_or_fail(server);
        send_json(socket.get(),
                  R"({"v":1,"op":"put_file","path":")" + path + R"(","mode":420,"size":)" + std::to_string(size) + "}");
        for (std::uint64_t left = size; left > 0;) {
            const std::size_t count = std::min<std::uint64_t>(left, chunk_size);
            put_header(frame.data(), data, count);
            send_all(socket.get(), frame.data(), header_size + count);
            left -= count;
        }
        put_header(frame.data(), end_of_file, 0);
        send_all(socket.get(), frame.data(), header_size);
        Answer answer(socket.get());
        read_to(json, answer);
        expect(answer, R"("ok":true)");
    }
    return rate(size, microseconds_since(begin));
}

}  // namespace bellhop::benchmark
