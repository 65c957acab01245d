// The hyper-parameters of each operation: plain structs of eight-byte fields whose names the plan compiler
// uses, so that a plan that names a field wrongly is refused when it is loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pellucid {

struct Field {
  const char* name;
  bool is_real;
};

#define PELLUCID_DECLARE_INTEGER(name) std::int64_t name;
#define PELLUCID_DECLARE_REAL(name) double name;
#define PELLUCID_DESCRIBE_INTEGER(name) Field{#name, false},
#define PELLUCID_DESCRIBE_REAL(name) Field{#name, true},
#define PELLUCID_ATTRIBUTES(Name, FIELDS)                                                          \
  struct Name {                                                                                    \
    FIELDS(PELLUCID_DECLARE_INTEGER, PELLUCID_DECLARE_REAL)                                        \
    static std::span<const Field> fields() {                                                       \
      static constexpr Field list[] = {FIELDS(PELLUCID_DESCRIBE_INTEGER, PELLUCID_DESCRIBE_REAL)}; \
      return list;                                                                                 \
    }                                                                                              \
  };

// Cells of one image (or of one array) that a kernel treats alike.
#define PELLUCID_CELLS(INTEGER, REAL) INTEGER(cells)
PELLUCID_ATTRIBUTES(CellsAttributes, PELLUCID_CELLS)

// (channels, positions) per image.
#define PELLUCID_CHANNELS(INTEGER, REAL) INTEGER(channels) INTEGER(positions)
PELLUCID_ATTRIBUTES(ChannelAttributes, PELLUCID_CHANNELS)

// Input, kernel and output sizes of a window that moves over rows and columns. rectify: a ReLU comes first.
#define PELLUCID_WINDOW(INTEGER, REAL) \
  INTEGER(channels)                    \
  INTEGER(in_height)                   \
  INTEGER(in_width)                    \
  INTEGER(out_height)                  \
  INTEGER(out_width)                   \
  INTEGER(kernel_height)               \
  INTEGER(kernel_width)                \
  INTEGER(stride_height)               \
  INTEGER(stride_width)                \
  INTEGER(pad_top)                     \
  INTEGER(pad_left)                    \
  INTEGER(include_padding)             \
  INTEGER(rectify)
PELLUCID_ATTRIBUTES(PoolingAttributes, PELLUCID_WINDOW)

#define PELLUCID_CONVOLUTION(INTEGER, REAL) \
  INTEGER(groups)                           \
  INTEGER(in_height)                        \
  INTEGER(in_width)                         \
  INTEGER(out_height)                       \
  INTEGER(out_width)                        \
  INTEGER(kernel_height)                    \
  INTEGER(kernel_width)                     \
  INTEGER(stride_height)                    \
  INTEGER(stride_width)                     \
  INTEGER(dilation_height)                  \
  INTEGER(dilation_width)                   \
  INTEGER(gradient_pad)                     \
  INTEGER(gradient_width)
PELLUCID_ATTRIBUTES(ConvolutionAttributes, PELLUCID_CONVOLUTION)

#define PELLUCID_LINEAR(INTEGER, REAL) INTEGER(in_features) INTEGER(out_features) INTEGER(row)
PELLUCID_ATTRIBUTES(LinearAttributes, PELLUCID_LINEAR)

#define PELLUCID_PAD(INTEGER, REAL) \
  INTEGER(channels)                 \
  INTEGER(height)                   \
  INTEGER(width)                    \
  INTEGER(top)                      \
  INTEGER(bottom)                   \
  INTEGER(left)                     \
  INTEGER(right)                    \
  INTEGER(mode)
PELLUCID_ATTRIBUTES(PadAttributes, PELLUCID_PAD)

// kind is an ActivationKind, rule a BackwardRule (kernels/activation/activation.h).
#define PELLUCID_ACTIVATION(INTEGER, REAL) \
  INTEGER(channels) INTEGER(positions) INTEGER(kind) INTEGER(rule) REAL(amplitude) REAL(slope)
PELLUCID_ATTRIBUTES(ActivationAttributes, PELLUCID_ACTIVATION)

// Cells from one place in an array to another place in another.
#define PELLUCID_COPY(INTEGER, REAL) INTEGER(cells) INTEGER(from) INTEGER(to)
PELLUCID_ATTRIBUTES(CopyAttributes, PELLUCID_COPY)

// Values of a vector, and the limit of its norm.
#define PELLUCID_CLIP(INTEGER, REAL) INTEGER(cells) REAL(limit)
PELLUCID_ATTRIBUTES(ClipAttributes, PELLUCID_CLIP)

#define PELLUCID_GATHER(INTEGER, REAL) INTEGER(cells) REAL(scale)
PELLUCID_ATTRIBUTES(GatherAttributes, PELLUCID_GATHER)

#define PELLUCID_BLOCK_GATHER(INTEGER, REAL) INTEGER(channels) INTEGER(positions) REAL(scale)
PELLUCID_ATTRIBUTES(BlockGatherAttributes, PELLUCID_BLOCK_GATHER)

#define PELLUCID_BLOCK_COMBINE(INTEGER, REAL) INTEGER(channels) INTEGER(positions) INTEGER(rectify)
PELLUCID_ATTRIBUTES(BlockCombineAttributes, PELLUCID_BLOCK_COMBINE)

#define PELLUCID_BLOCK_LINEAR(INTEGER, REAL) INTEGER(in_features) INTEGER(out_features) INTEGER(rectify)
PELLUCID_ATTRIBUTES(BlockLinearAttributes, PELLUCID_BLOCK_LINEAR)

#define PELLUCID_DROPOUT(INTEGER, REAL) INTEGER(cells) INTEGER(node) REAL(rate)
PELLUCID_ATTRIBUTES(DropoutAttributes, PELLUCID_DROPOUT)

#define PELLUCID_NORMALIZATION(INTEGER, REAL) \
  INTEGER(channels) INTEGER(positions) REAL(epsilon) REAL(momentum)
PELLUCID_ATTRIBUTES(NormalizationAttributes, PELLUCID_NORMALIZATION)

// smoothing: of labels; has_rubbish: whether exp(-rubbish_distance) joins the denominator.
#define PELLUCID_LOSS(INTEGER, REAL) \
  INTEGER(classes) INTEGER(has_rubbish) REAL(smoothing) REAL(rubbish_distance)
PELLUCID_ATTRIBUTES(LossAttributes, PELLUCID_LOSS)

#define PELLUCID_OPTIMIZER(INTEGER, REAL) \
  INTEGER(nesterov)                       \
  INTEGER(decoupled)                      \
  REAL(momentum)                          \
  REAL(beta1)                             \
  REAL(beta2)                             \
  REAL(epsilon)                           \
  REAL(weight_decay)
PELLUCID_ATTRIBUTES(OptimizerAttributes, PELLUCID_OPTIMIZER)

}  // namespace pellucid
