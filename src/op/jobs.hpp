// SPDX-License-Identifier: Apache-2.0
// The functions behind the verbs, for the registry's table: one declaration a verb.
#pragma once
#include "op/get_file.hpp"
#include "op/guest.hpp"
#include "op/info.hpp"
#include "op/put_file.hpp"
#include "op/run.hpp"

namespace bellhop::op {

Status get_file(Guest&, const Context&, const GetFile::Request&, GetFile::Answer&);
Status info(Guest&, const Context&, const Info::Request&, Info::Answer&);
Result<std::unique_ptr<Job>> start_put_file(Guest&, const Context&, PutFile::Request, JobSink&);
Result<std::unique_ptr<Job>> start_run(Guest&, const Context&, Run::Request, JobSink&);

}  // namespace bellhop::op
