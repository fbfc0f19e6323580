"""Words of one matter, English and Chinese: which words of a question and of a tool speak of the same thing."""

from types import MappingProxyType

# matter | English words, `_` joins a phrase | Chinese words. A `?` before a word: it only hints at the matter.
MATTERS = (
    "order | order orders purchase purchases purchased bought buy buys ordered ?placed ?shipped | 订单 下单 买了 购买 订购",
    "customer | customer client user buyer member account subscriber | 客户 用户 顾客 买家 会员 账户",
    "parcel | package parcel shipment tracking courier track delivery ?box ?packages | 包裹 快递 物流 运单 到哪",
    "postage | ship shipping delivery postage freight mail_a send_a ?parcel ?package | 运费 邮费 寄 运送 配送",
    "invoice | invoice bill billing receipt | 发票 账单 收据",
    "payment | payment pay paid charge transaction | 付款 支付 交易 扣款",
    "balance | balance funds savings left remaining | 余额 还有几 还剩 剩余",
    "product | product item sku goods merchandise catalog article | 商品 产品 货品",
    "stock | inventory in_stock availability warehouse sold_out left_in units_of pieces stock_level | 库存 存货 有货 缺货 仓库",
    "price | price cost costs worth how_much quote trading fee expensive | 价格 多少钱 价钱 报价 费用",
    "share | stock share shares ticker equity trading_at nasdaq | 股票 股价 股市 股份",
    "crypto | crypto cryptocurrency bitcoin btc ethereum eth coin | 比特币 以太坊 加密货币 币价",
    "currency | currency exchange forex fx money dollar dollars euro euros pound pounds yen yuan rupee franc francs usd eur gbp "
    "jpy cny chf cad inr swap kronor krona peso won real | 货币 汇率 外汇 兑换 换成 美元 欧元 英镑 日元 人民币 卢比 法郎 韩元",
    "weather | weather forecast rain raining rainy umbrella snow snowing sunny cloudy wind windy storm temperature hot cold warm coat "
    "jacket degrees sunglasses thunderstorm climate outside ?conditions | 天气 下雨 下雪 气温 温度 带伞 雨伞 预报 刮风 冷吗 热吗 几度",
    "climate | temperature humidity humid sensor thermostat heating heater warm ?degrees | 温度 湿度 空调 暖气 恒温",
    "calculate | calculate calculator compute arithmetic math mathematical sum total add plus minus subtract multiply multiplied "
    "times divide divided expression percent squared root altogether ?split ?each ?power | "
    "计算 算 加 减 乘以 除以 等于多少 总共 一共 百分之 表达式",
    "unit | unit units measure kilometer kilometers mile miles meter meters feet foot inch inches kilogram kilograms pound pounds "
    "ounce ounces celsius fahrenheit liter gallon gram grams km cm lb | 单位 公里 英里 厘米 英寸 英尺 公斤 磅 摄氏 华氏 盎司 加仑",
    "mail | email e_mail e-mail mail inbox | 邮件 电子邮件 邮箱",
    "message | message sms text_message texting slack chat notify | 短信 消息 通知",
    "calendar | calendar event meeting meetings appointment appointments agenda schedule | 日历 日程 会议 约会 活动",
    "remind | remind reminder reminders forget alarm | 提醒 闹钟 备忘 别忘",
    "timer | timer countdown stopwatch minutes | 计时 倒计时 定时",
    "todo | todo to-do to_do task tasks chore checklist | 待办 任务 清单",
    "note | note notes memo jot | 笔记 备忘录 记下",
    "translate | translate translation language say_in do_you_say ?french ?spanish ?german ?japanese ?italian ?chinese ?korean "
    "?portuguese ?russian | 翻译 译成 怎么说 语言",
    "summary | summarize summarise summary tldr condense shorten | 摘要 总结 概括",
    "time | time clock timezone what_time hour | 时间 几点 时区",
    "date | date day weekday what_day | 日期 星期几 几号",
    "holiday | holiday holidays | 假期 节假日 放假 假日",
    "flight | flight flights fly flying plane airline airport land lands landing takeoff depart departure gate boarding | "
    "航班 飞机 机票 起飞 飞往 机场",
    "train | train trains railway station | 火车 高铁 列车",
    "transit | bus metro subway tram | 公交 地铁",
    "taxi | taxi cab ride uber | 出租车 打车",
    "hotel | hotel hotels lodging accommodation room rooms hostel stay nights ?check-in | 酒店 宾馆 住宿 旅馆",
    "food | restaurant restaurants dining dine eat food dinner lunch cuisine sushi pizza cafe hungry | 餐厅 餐馆 饭店 美食 好吃 吃饭",
    "table | table reservation reserve party | 餐位 订位 订座",
    "recipe | recipe cook cooking ingredients bake | 食谱 菜谱 做菜",
    "nutrition | calorie calories nutrition protein | 卡路里 热量 营养",
    "bmi | bmi body_mass weigh height overweight underweight tall obese | 体重 身高 体质指数 胖",
    "medicine | medicine drug medication pill prescription pharmacy | 药品 处方 药",
    "doctor | doctor clinic dentist hospital | 医生 医院 诊所",
    "loan | loan mortgage borrow borrowed interest instalment repayment per_month monthly term | 贷款 房贷 月供 利率 还款",
    "tip | tip gratuity waiter ?bill | 小费",
    "tax | tax taxes vat | 税",
    "expense | budget expense expenses spending | 预算 开支 支出 报销",
    "password | password passphrase passcode pin | 密码 口令",
    "random | random dice die roll flip lottery pick_a | 随机 骰子 掷 抽签",
    "id | uuid guid | 唯一标识",
    "hash | hash checksum sha256 md5 encode base64 | 哈希 校验 编码",
    "count | count how_many number words characters length | 多少个 几个 字数 统计",
    "distance | distance far drive driving route directions away travel_time | 距离 多远 路线 路程 导航",
    "map | map address geocode coordinates latitude longitude nearby | 地图 地址 坐标 附近",
    "movie | movie movies film director directed cast starred starring actor imdb cinema rating | 电影 影片 导演 主演 演员 上映",
    "music | music song songs playlist album artist listen play jazz | 音乐 歌曲 歌 播放 专辑",
    "book | book books novel author isbn wrote | 图书 小说 作者 书",
    "sport | match team league football basketball score | 比赛 比分 球队 足球",
    "news | news headlines headline latest breaking press | 新闻 头条 资讯",
    "web | web internet online google website page url browse search_the_web | 网上 网页 网站 互联网 百度",
    "knowledge | knowledge kb faq policy policies documentation docs guide handbook how-to procedure company_policy | "
    "知识库 政策 规定 文档 手册",
    "wiki | wikipedia encyclopedia | 百科",
    "define | define definition dictionary meaning mean synonym | 定义 词典 意思 含义",
    "ticket | ticket tickets issue bug support complaint helpdesk problem | 工单 报修 投诉 问题单 缺陷",
    "incident | incident outage unreachable down alert | 故障 事故 告警",
    "file | file files document documents folder pdf spreadsheet docx csv directory | 文件 文档 文件夹",
    "database | database sql query table rows select schema | 数据库 数据表 查询语句",
    "code | code script program snippet | 代码 脚本",
    "log | log logs logfile | 日志",
    "service | service services server host uptime health healthy running up | 服务 服务器 健康",
    "metric | metric metrics cpu memory disk latency | 指标 内存 磁盘 监控",
    "repository | repository repo commit branch pull_request git github | 仓库 提交 分支",
    "release | deploy deployment release roll_out rollout version staging production ship_version | 部署 上线 发布 版本",
    "oncall | on_call on-call pager duty | 值班",
    "employee | employee staff colleague manager department boss works_in work_in | 员工 职员 同事 部门 经理",
    "leave | leave vacation pto days_off day_off time_off holiday_request | 请假 年假 休假 病假",
    "salary | salary payroll wage | 工资 薪水 薪资",
    "contact | contact contacts phone telephone number_of call phonebook address_book reach phone_number | 联系人 电话 通讯录 手机号 联系方式",
    "discount | discount coupon voucher promo | 优惠 折扣",
    "cart | cart basket | 购物车",
    "review | review reviews rating feedback | 评论 评价",
    "category | category categories | 分类 类别 类目",
    "store | store stores shop branch opening_hours | 门店 商店 营业时间",
    "light | light lights lamp bulb brightness | 灯 灯光",
    "door | door lock unlock garage | 门锁 锁",
    "image | image picture photo draw | 图片 照片 画",
    "video | video videos clip | 视频",
    "country | country countries nation | 国家",
    "sun | sunrise sunset | 日出 日落",
    "room | meeting_room conference_room room | 会议室 房间",
    "status | status state progress delayed on_time where_is where's late arrived | 状态 进度 到哪 到了 发货",
    "rate | rate exchange_rate against | 汇率 对",
    "student | student course class lesson grade homework exam school | 学生 课程 成绩 作业",
    "insurance | insurance claim coverage | 保险 理赔",
    "car | car vehicle rental rent_a | 汽车 租车",
    "subscription | subscription subscribe plan | 订阅 套餐",
)

# What is done. A tool that changes something is not chosen when its action is not spoken of.
ACTIONS = (
    "cancel | cancel cancelled call_off abort void scrap | 取消 撤销",
    "delete | delete remove erase drop | 删除 删掉 移除",
    "create | create make new add open raise file put schedule set_up register start submit report book log_a | "
    "创建 新建 建立 添加 提交 登记 安排 开一个",
    "update | update change edit modify rename correct move reschedule | 更新 修改 更改 改成",
    "send | send email mail e-mail message text write notify forward tell | 发送 发给 发邮件 发短信 发 寄",
    "refund | refund money_back reimburse return give_back | 退款 退钱 退货",
    "book | book booking reserve reservation | 预订 预约 订",
    "pay | pay transfer wire | 付款 支付 转账",
    "remind | remind reminder forget alarm | 提醒 别忘 闹钟",
    "restart | restart reboot reset bounce | 重启 重置",
    "deploy | deploy release roll_out push ship | 部署 上线 发布",
    "close | close resolve shut | 关闭 解决",
    "play | play listen put_on | 播放 听 放",
    "generate | generate create make give new need | 生成 产生 给我",
    "roll | roll throw toss | 掷 扔 投",
    "set | set turn switch make start dim adjust | 设置 设为 打开 关掉 关闭 调 定时",
    "translate | translate say | 翻译 译成 怎么说",
    "convert | convert change exchange turn swap conversion | 换成 转换 兑换 换算",
    "track | track trace follow locate | 跟踪 追踪 查物流",
    "list | list all every which categories show_all | 列出 所有 全部 哪些",
    "compare | compare versus vs difference | 比较 对比 区别",
    "request | request file apply take like_to | 申请 提交",
    "assign | assign delegate | 分配",
    "approve | approve accept | 批准 同意",
    "upload | upload attach | 上传",
    "block | block ban suspend freeze | 封禁 冻结",
)
CHANGING = frozenset(
    "cancel delete create update send refund book pay remind restart deploy close play roll set request assign approve "
    "upload block".split()
)

STOP = frozenset(
    "a an the of to in on at for from by with and or is are was were be been am do does did have has had i me my mine we our "
    "us you your it its this that these those he she his her they them their what which who whom when how why where can could "
    "would should will shall may might must please just now there here as if so than then also some any no not up out into "
    "about over under again more most very get got give want need like let know tell ask using use used via e g eg s t ll d re "
    "ve m one two given current currently find show look check see lookup fetch search query return returns back e.g".split()
)
ENDINGS = (
    *("ization", "ations", "ation", "ingly", "ments", "ment", "ings", "ing", "edly", "ied", "ies", "ed", "es", "ly", "s"),
    *("e", "y"),
)
IRREGULAR = MappingProxyType(
    {
        **{"sent": "send", "paid": "pay", "bought": "buy", "spent": "spend", "went": "go", "flew": "fly", "dice": "die"},
        **{"written": "write", "wrote": "write", "forgot": "forget", "people": "person", "children": "child"},
    }
)
