#include <gtest/gtest.h>
#include "cocoindex/cocoindex.h"
TEST(X,Y){}
