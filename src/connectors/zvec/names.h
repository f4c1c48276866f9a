// connectors/zvec/names.h: the words of enumerations, for records and messages.
#pragma once

#include <string_view>

#include "cocoindex/connectors/zvec/annotations.h"

namespace cocoindex::inline v0::connectors::zvec {

std::string_view data_type_name(DataType type) noexcept;
std::string_view metric_name(Metric metric) noexcept;
std::string_view quantize_name(Quantize quantize) noexcept;

}  // namespace cocoindex::inline v0::connectors::zvec
