// SPDX-License-Identifier: Apache-2.0
// One of an agent's tables, sorted by name: the built-in rows first, then an embedder's between them. A handful of rows: looking
// one up is a walk.
#pragma once
#include "base/concat.hpp"

#include <bellhop/rows.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bellhop {

inline std::string_view name_of(const TransportRow& row)
{
    return row.name;
}
inline std::string_view name_of(const DialectRow& row)
{
    return row.name;
}
inline std::string_view name_of(const OperationRow& row)
{
    return row.info->name;
}

template <class Row> class RowTable {
public:
    explicit RowTable(std::vector<Row> built_in) : rows_(std::move(built_in)) {}
    auto begin() const { return rows_.begin(); }
    auto end() const { return rows_.end(); }

    const Row* find(std::string_view name) const  // nullptr: there is no such row
    {
        const auto at = std::find_if(begin(), end(), [name](const Row& row) { return name_of(row) == name; });
        return at == end() ? nullptr : &*at;
    }
    Status add(Row row, std::string_view kind)  // kind: for the error's text
    {
        const std::string_view name = name_of(row);
        if (find(name))
            return Error{Error::Kind::bad_request, {}, concat({"there is ", kind, " '", name, "' already"})};
        const auto place = std::find_if(begin(), end(), [name](const Row& other) { return name_of(other) > name; });
        rows_.insert(place, std::move(row));
        return done();
    }
    std::string names() const
    {
        std::string all;
        for (const Row& row : rows_)
            (all += all.empty() ? "" : ", ") += name_of(row);
        return all;
    }

private:
    std::vector<Row> rows_;
};

}  // namespace bellhop
