// The part of an agent that a gang's trainer needs, without a launcher: reductions are done, other messages are handed to the
// test.
#pragma once

#include "cluster/gang/gang_reducer.h"
#include "cluster/process/backoff.h"
#include "cluster/transport/trainer_link.h"

#include <array>
#include <functional>
#include <string>

namespace dagan {

// Serves until the gang is over and the trainer has ended its task (it said "end", or is gone).
inline void serve_gang(cluster::AgentLink& link, cluster::GangReducer& reducer,
                       const std::function<void(const std::string&)>& on_control = {}) {
    cluster::Backoff backoff;
    bool ended = false;
    while (!ended || !reducer.over()) {
        bool active = reducer.transferring();
        while (!ended) {
            const auto message = link.receive();
            if (!message) break;
            active = true;
            if (const auto* request = std::get_if<cluster::ReduceRequest>(&*message)) {
                reducer.reduce(*request);
            } else if (std::get<std::string>(*message) == "end") {
                reducer.finish();
                ended = true;
            } else if (on_control) {
                on_control(std::get<std::string>(*message));
            }
        }
        if (const auto answer = reducer.poll()) {
            link.answer(*answer);
            active = true;
        }
        if (!ended && link.closed()) {
            reducer.fail();
            ended = true;
        }
        if (active) backoff.on_activity();
        if (ended) {
            backoff.pause({});
        } else {
            backoff.pause(std::array{cluster::Watch{link.fd(), link.unsent_bytes() > 0}});
        }
    }
}

} // namespace dagan
