// SPDX-License-Identifier: Apache-2.0
// XenStore as a map, turned by hand. Answers and events come when the test says turn(); children are listed sorted, which is not
// the order in which they came.
#pragma once
#include <bellhop/store.hpp>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <map>
#include <optional>

namespace bellhop::test {

class FakeStore final : public Store {
public:
    std::map<std::string, std::string> tree;
    std::deque<int> commit_faults;  // of the next commits; EAGAIN: the body runs again, 0: none
    int every_commit = 0, every_remove = 0, every_read = 0, every_list = 0;  // errno(3) of all of them
    std::size_t most_answers = std::size_t(-1);                              // children of data/guest: the next one is ENOSPC
    bool events_first = false;     // a commit's, before its answer: C xenstored; oxenstored has them behind it
    std::deque<int> lost_commits;  // errno(3) that the asker hears of what was done all the same; 0: none
    int lists = 0, commits = 0, bodies = 0;
    std::vector<std::string> heard;     // what it was asked, transactions by their begin and end
    std::vector<std::string> answered;  // paths written by transactions, in order
    std::vector<std::string> troubles;
    std::function<void()> before_commit;  // once: the host does something meanwhile

    void turn()
    {
        while (!later_.empty())
            for (const auto& call : std::exchange(later_, {}))
                call();
    }
    void host_writes(const std::string& path, std::string value)
    {
        tree[path] = std::move(value);
        fire(path);
    }
    void host_removes(const std::string& path)
    {
        erase(path);
        fire(path);
    }
    void fire(const std::string& path)
    {
        for (Watcher* watcher : watchers_)
            if (path.starts_with(watcher->path))
                fire(*watcher, path);
    }
    std::size_t watchers() const { return watchers_.size(); }
    std::vector<std::string> children(const std::string& path) const
    {
        std::vector<std::string> names;
        for (const auto& [name, value] : tree)
            if (name.starts_with(path + "/") && name.find('/', path.size() + 1) == name.npos)
                names.push_back(name.substr(path.size() + 1));
        return names;
    }

    void read(std::string path, std::function<void(Result<std::string>)> answer) override
    {
        heard.push_back("read " + path);
        later_.push_back([this, path, answer] { answer(look_up(path)); });
    }
    void list(std::string path, std::function<void(Result<std::vector<std::string>>)> answer) override
    {
        ++lists;
        heard.push_back("list " + path);
        later_.push_back([this, path, answer] {
            if (every_list)
                return answer(failed(every_list));
            if (auto names = children(path); !names.empty() || tree.count(path))
                return answer(std::move(names));
            answer(failed(ENOENT));
        });
    }
    void write(std::string path, std::string value, std::function<void(Status)> answer) override
    {
        host_writes(path, std::move(value));
        later_.push_back([answer] { answer(done()); });
    }
    void remove(std::string path, std::function<void(Status)> answer) override
    {
        if (!every_remove)
            host_removes(path);
        later_.push_back([this, answer] { answer(every_remove ? Status(failed(every_remove)) : done()); });
    }
    void make(std::string path, std::function<void(Status)> answer) override
    {
        tree.try_emplace(path);
        later_.push_back([answer] { answer(done()); });
    }
    void transaction(std::function<void(std::shared_ptr<Transaction>)> body, std::function<void(Status)> answer) override
    {
        heard.push_back("begin");
        later_.push_back([this, body, answer] {
            ++bodies;
            body(std::make_shared<One>(*this, body, answer));
        });
    }
    std::unique_ptr<Watch> watch(std::string path, std::function<void(std::string_view)> changed) override
    {
        auto watcher = std::make_unique<Watcher>(*this, std::move(path), std::move(changed));
        fire(*watcher, watcher->path);
        return watcher;
    }
    void on_trouble(const Error& error) override { troubles.push_back(error.text); }

private:
    struct Watcher final : Watch {
        Watcher(FakeStore& s, std::string p, std::function<void(std::string_view)> c)
            : store(s), path(std::move(p)), changed(std::move(c))
        {
            store.watchers_.push_back(this);
        }
        ~Watcher() override { std::erase(store.watchers_, this); }
        FakeStore& store;
        std::string path;
        std::function<void(std::string_view)> changed;
    };
    class One final : public Transaction {
    public:
        One(FakeStore& store, std::function<void(std::shared_ptr<Transaction>)> body, std::function<void(Status)> answer)
            : store_(store), body_(std::move(body)), answer_(std::move(answer))
        {
        }
        void read(std::string path, std::function<void(Result<std::string>)> answer) override
        {
            store_.later_.push_back([&store = store_, path, answer] { answer(store.look_up(path)); });
        }
        void write(std::string path, std::string value) override { writes_.emplace_back(std::move(path), std::move(value)); }
        void remove(std::string path) override { writes_.emplace_back(std::move(path), std::nullopt); }
        void commit() override
        {
            store_.heard.push_back("commit");
            store_.later_.push_back([&store = store_, writes = writes_, body = body_, answer = answer_] {
                int fault = store.commit(writes);
                if (!fault && !store.lost_commits.empty()) {
                    fault = store.lost_commits.front();
                    store.lost_commits.pop_front();
                }
                if (fault == EAGAIN)
                    return store.transaction(body, answer);
                const auto tell = [answer, fault] { answer(fault ? Status(failed(fault)) : done()); };
                if (!store.events_first)
                    return tell();
                store.later_.push_back(tell);
            });
        }
        void abort() override
        {
            store_.heard.push_back("abort");
            store_.later_.push_back([answer = answer_] { answer(done()); });
        }

    private:
        FakeStore& store_;
        std::function<void(std::shared_ptr<Transaction>)> body_;
        std::function<void(Status)> answer_;
        std::vector<std::pair<std::string, std::optional<std::string>>> writes_;
    };

    static Error failed(int code)
    {
        const std::error_code os(code, std::system_category());
        return {code == ENOENT ? Error::Kind::not_found : Error::Kind::failed, os, os.message()};
    }
    Result<std::string> look_up(const std::string& path) const
    {
        if (every_read)
            return failed(every_read);
        const auto at = tree.find(path);
        return at == tree.end() ? Result<std::string>(failed(ENOENT)) : Result<std::string>(at->second);
    }
    int commit(const std::vector<std::pair<std::string, std::optional<std::string>>>& writes)
    {
        ++commits;
        if (before_commit) {
            std::exchange(before_commit, nullptr)();
            return EAGAIN;
        }
        int fault = every_commit;
        if (!commit_faults.empty()) {
            fault = commit_faults.front();
            commit_faults.pop_front();
        }
        if (!fault && children("data/guest").size() >= most_answers)
            fault = ENOSPC;
        for (const auto& [path, value] : writes)
            if (fault)
                break;
            else if (value) {
                answered.push_back(path);
                host_writes(path, *value);
            } else
                host_removes(path);
        return fault;
    }
    void erase(const std::string& path)
    {
        std::erase_if(tree, [&path](const auto& one) { return one.first == path || one.first.starts_with(path + "/"); });
    }
    void fire(Watcher& watcher, const std::string& path)
    {
        later_.push_back([this, &watcher, path] {
            if (std::find(watchers_.begin(), watchers_.end(), &watcher) != watchers_.end())
                watcher.changed(path);
        });
    }
    std::vector<std::function<void()>> later_;
    std::vector<Watcher*> watchers_;
};

}  // namespace bellhop::test
