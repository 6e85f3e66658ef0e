// SPDX-License-Identifier: Apache-2.0
// The words of a xenstored: messages of a 16-byte header (type, request, transaction, length; in the machine's own byte order)
// and a payload of at most 4096 bytes. Xen's docs/misc/xenstore.txt and public/io/xs_wire.h.
#pragma once
#include <bellhop/bytes.hpp>
#include <bellhop/result.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace bellhop::xenstore {

enum class Type : std::uint32_t {
    control,
    directory,
    read,
    get_permissions,
    watch,
    unwatch,
    transaction_start,
    transaction_end,
    introduce,
    release,
    get_domain_path,
    write,
    make,
    remove,
    set_permissions,
    watch_event,  // from the daemon only, as the next
    error,
    is_domain_introduced,
    resume,
    set_target,
    reset_watches = 21,  // never on a guest's device: it would take the kernel's own watches away
    directory_part,
};

constexpr std::size_t header_size = 16;
constexpr std::size_t max_payload = 4096;         // one byte more as a guest, and its ring is dead until the guest is
constexpr std::size_t max_heard = 65536;          // oxenstored sends long listings whole, to everybody but guests' rings
constexpr std::size_t max_device_payload = 4080;  // /dev/xen/xenbus wants header and payload in 4096

struct Header {
    Type type{};
    std::uint32_t request = 0, transaction = 0;  // request: chosen by the asker, and repeated in the answer
};

struct Message : Header {
    std::string_view payload;  // belongs to the Reader: good until its next call
};

class Reader {
public:
    // Takes what it can from the front of `input`. Nothing: `input` is used up. An Error: no boundary can be trusted again.
    Result<std::optional<Message>> next(ByteView& input);

private:
    std::string part_;  // of a message that came in pieces
    bool handed_on_ = false;
};

// A request as it goes out. Each of `words` is followed by a NUL, `rest` (a WRITE's value) is not. An Error (E2BIG, or EINVAL for
// a word with a NUL in it): do not send it.
Result<std::string> message(Header, std::initializer_list<std::string_view> words, std::string_view rest = {},
                            std::size_t longest = max_payload);

// ---- what payloads hold

std::string_view first_word(std::string_view payload);        // without its NUL
std::vector<std::string> words_of(std::string_view payload);  // DIRECTORY's names; empty ones are none

struct Event {
    std::string_view path, token;
};
Event event_of(std::string_view payload);  // of a WATCH_EVENT

// DIRECTORY_PART: for directories whose names do not fit into one answer. The next part begins at `size` bytes further on; when
// the generation is another by then, all begins again.
struct Part {
    std::string_view generation, names;
    bool last;
};
Part part_of(std::string_view payload);

// ERROR's word as errno(3). EQUOTA, which oxenstored says, is EDQUOT; one that is not in Xen's table is EINVAL.
std::error_code code_of(std::string_view name);

}  // namespace bellhop::xenstore
