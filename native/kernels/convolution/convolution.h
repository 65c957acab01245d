// Convolution with the batch in the lanes: every array is (channels, height, width, lanes).
//
// The input is padded beforehand, so a window is always inside it. Which input maps an output map sees is
// listed, never computed: a list serves whole channels, groups, depthwise and LeNet-5's connection table.
#pragma once

#include <cstdint>

namespace pellucid {

// Maps that share one list of connections. For the output they are output maps, and the list names input
// maps; for the input gradient the roles are exchanged.
struct ConnectionGroup {
  std::int32_t first;             // first of the maps computed
  std::int32_t count;             // how many
  std::int32_t first_connection;  // into the list
  std::int32_t connections;       // how many
  std::int32_t weight_stride;     // from one computed map's kernel to the next one's
};

struct Connection {
  std::int32_t map;     // the map read
  std::int32_t weight;  // where its kernel for the group's first computed map begins
};

// A kernel tap: how far its weight and its cell lie from the first tap's.
struct Tap {
  std::int32_t weight;
  std::int32_t cell;
};

// Longest kernel along one axis; the plan compiler refuses longer ones.
constexpr int MAX_KERNEL = 512;

}  // namespace pellucid
