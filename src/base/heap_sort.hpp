// SPDX-License-Identifier: Apache-2.0
// Sorting for short lists: a heap. std::sort has 3 to 5 KiB of code for each type and order in the release binaries.
#pragma once
#include <algorithm>
#include <functional>

namespace bellhop {

template <class List, class Less = std::less<>> void heap_sort(List& list, Less less = {})
{
    std::make_heap(list.begin(), list.end(), less);
    std::sort_heap(list.begin(), list.end(), less);
}

}  // namespace bellhop
