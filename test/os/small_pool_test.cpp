// SPDX-License-Identifier: Apache-2.0
#include "os/small_pool.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

using namespace bellhop;

namespace {

struct Piece {
    unsigned char* at;
    std::size_t size;
    unsigned char mark;
};

bool whole(const Piece& piece)
{
    return std::all_of(piece.at, piece.at + piece.size, [&](unsigned char c) { return c == piece.mark; });
}

}  // namespace

TEST_CASE("small pool: pieces never overlap, whatever comes and goes", "[pool]")
{
    os::SmallPool pool;
    std::mt19937 random(4711);
    std::vector<Piece> pieces;
    bool all_whole = true;

    for (int i = 0; i < 200000; ++i) {
        const bool grow = (i / 20000) % 2 == 0 ? random() % 3 > 0 : random() % 3 == 0;
        if (grow || pieces.empty()) {
            const std::size_t size = 1 + random() % os::SmallPool::largest;
            Piece piece{static_cast<unsigned char*>(pool.take(size)), size, static_cast<unsigned char>(random())};
            if (!piece.at)
                continue;
            REQUIRE(pool.has(piece.at));
            REQUIRE(reinterpret_cast<std::uintptr_t>(piece.at) % 16 == 0);
            std::memset(piece.at, piece.mark, piece.size);
            pieces.push_back(piece);
        } else {
            std::swap(pieces[random() % pieces.size()], pieces.back());
            all_whole = all_whole && whole(pieces.back());
            pool.give(pieces.back().at);
            pieces.pop_back();
        }
    }
    CHECK(all_whole);
    CHECK(std::all_of(pieces.begin(), pieces.end(), whole));
}

TEST_CASE("small pool: what was freed last is taken first", "[pool]")
{
    os::SmallPool pool;
    void* one = pool.take(100);
    void* other = pool.take(100);

    pool.give(one);
    CHECK(pool.take(97) == one);
    pool.give(other);
    pool.give(one);
    CHECK(pool.take(128) == one);
    CHECK(pool.take(128) == other);
}

TEST_CASE("small pool: what is too large, or has no room left, is malloc's", "[pool]")
{
    os::SmallPool pool;
    int elsewhere;
    CHECK_FALSE(pool.has(&elsewhere));
    CHECK(pool.take(os::SmallPool::largest + 1) == nullptr);
    CHECK(pool.take(0) != nullptr);
    CHECK_FALSE(pool.has(&elsewhere));

    std::vector<void*> all;
    while (void* piece = pool.take(1280))
        all.push_back(piece);
    CHECK(all.size() > 10000);
    for (void* piece : all)
        pool.give(piece);
    CHECK(pool.take(16) != nullptr);
    CHECK(pool.take(1280) != nullptr);
}

TEST_CASE("small pool: who is given a piece finds nothing of whom it was before", "[pool]")
{
    os::SmallPool pool;
    const std::string secret(100, 's');
    void* const keeps_the_chunk = pool.take(secret.size());
    auto* const piece = static_cast<char*>(pool.take(secret.size()));
    std::memcpy(piece, secret.data(), secret.size());

    pool.give(piece);

    CHECK(std::count(piece, piece + secret.size(), 's') == 0);
    pool.give(keeps_the_chunk);
}
