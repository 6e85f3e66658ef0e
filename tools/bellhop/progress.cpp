// SPDX-License-Identifier: Apache-2.0
// The clock is asked once per chunk (some nanoseconds in the vDSO); the bar is drawn ten times a
// second.
#include "progress.hpp"

#include "text.hpp"

#include <algorithm>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

namespace bellhop::tool {
namespace {

constexpr std::chrono::milliseconds patience{500}, pace{100};

int columns()
{
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void to_terminal(const std::string& text)
{
    [[maybe_unused]] const ssize_t lost = ::write(STDERR_FILENO, text.data(), text.size());  // only decoration
}

}  // namespace

Progress::Progress(std::string name, Where where)
    : name_(printable(name)), terminal_(where == Where::terminal && ::isatty(STDERR_FILENO)),
      start_(std::chrono::steady_clock::now()), next_(start_ + patience)
{
}

Progress::~Progress()
{
    if (!drawn_)
        return;
    draw();
    to_terminal("\n");
}

double Progress::seconds() const
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void Progress::add(std::size_t bytes)
{
    bytes_ += std::int64_t(bytes);
    if (!terminal_)
        return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_)
        return;
    next_ = now + pace;
    draw();
}

void Progress::draw()
{
    drawn_ = true;
    to_terminal("\r" + line(columns()) + "\033[K");
}

std::string Progress::line(int columns) const
{
    const double took = seconds(), rate = double(bytes_) / std::max(took, 0.001);
    std::string tail = "  " + size_text(double(bytes_)) + "  " + size_text(rate) + "/s";
    if (total_ <= 0)
        return name_ + tail;
    const double share = std::min(1.0, double(bytes_) / double(total_));
    tail += share < 1 ? "  ETA " + duration_text((double(total_) - double(bytes_)) / std::max(rate, 1.0))
                      : "  in " + duration_text(took);
    char percent[8];
    std::snprintf(percent, sizeof percent, " %3d%%", int(share * 100));
    const int width = std::min(40, columns - int(name_.size()) - int(tail.size()) - 10);
    if (width < 8)
        return percent + tail;  // a narrow terminal, or a long name
    std::string bar(std::size_t(width), ' ');
    std::fill_n(bar.begin(), int(share * width), '=');
    return name_ + percent + " [" + bar + "]" + tail;
}

}  // namespace bellhop::tool
